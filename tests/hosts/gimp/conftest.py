"""A real GIMP 3 with the plug-in installed, and a real daemon beside it."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from gateway_daemon import Served
from gimp_host import ABSENT, ROOT, Gimp, Screen, find

from retouch_bridge.installing import gimp as installing

DEMO = ROOT / "sdk/retouch/demo"
#: Scenes of drive_edits.py that the shared run plays.
SCENES = [
    "fill",
    "expand",
    "restyle",
    "restyle_layer",
    "cut_out",
    "instruct",
    "swap",
    "reference",
    "control",
    "combine",
    "variants",
    "replay",
    "errors",
    "new_operation",
    "deep_16",
    "deep_16_srgb",
    "deep_float",
]


def absent():
    """Skip, or fail where this host is required."""
    required = os.environ.get("RETOUCH_REQUIRE_HOSTS", "").split(",")
    (pytest.fail if "gimp3" in required else pytest.skip)(ABSENT)


@pytest.fixture(scope="session")
def gimp():
    """GIMP with the plug-in, and pictures in its folder."""
    root = find()
    if root is None:
        absent()
    made = Gimp(root, f"retouch-tests-{os.getpid()}")
    daemon = made.folder / "daemon"
    installing.install(made.plugins, made.inside(daemon))
    for name in ("house.png", "cat.png", "rocket.png", "star.png"):
        shutil.copy(DEMO / name, made.folder / name)
    for name, rows in ramps().items():
        (made.folder / f"ramp-{name}.raw").write_bytes(rows)
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def daemon(gimp):
    """A daemon that all tests share: no test may stop it."""
    served = Served(gimp.folder / "daemon", "gimp").start()
    yield served
    served.stop()


@pytest.fixture(scope="session")
def edits(gimp, daemon):
    """What every scene has found, in one run of GIMP."""
    blocked = "a nude child"
    answers, said = gimp.run("drive_edits.py", scenes=SCENES, blocked=blocked, timeout=280)
    missing = [name for name in SCENES if name not in answers]
    assert not missing, said[-4000:]
    return answers


@pytest.fixture
def screen(gimp):
    """A screen for GIMP's windows."""
    made = Screen(gimp)
    yield made
    made.close()


def ramps():
    """Gradients that use all levels of their depth, as rows for GIMP."""
    x = np.linspace(0.05, 0.9, 192)[None, :, None]
    y = np.linspace(0, 0.05, 128)[:, None, None]
    values = np.clip(x + y + np.array([0, 0.02, -0.02]), 0, 1)
    return {
        "u16-non-linear": (values * 65535).round().astype("<u2").tobytes(),
        "float-linear": (values**2.2).astype("<f4").tobytes(),
    }
