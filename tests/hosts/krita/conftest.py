"""A real Krita with the plugin installed, and a real daemon beside it."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from gateway_daemon import Served
from krita_host import ABSENT, ROOT, Krita, NoDisplay, find

DEMO = ROOT / "sdk/retouch/demo"
BLOCKED = "a nude child"
SCENES = [
    *("fill", "expand", "restyle", "instruct", "swap", "reference", "control"),
    *("combine", "variants", "cancel", "replay", "recipe", "interrupted", "errors", "closed"),
    "deep",
]
#: Name, depth and profile of the gradients.
RAMPS = [
    ("u16", "U16", "sRGB-elle-V2-srgbtrc.icc"),
    ("u16-linear", "U16", "sRGB-elle-V2-g10.icc"),
    ("f16", "F16", "sRGB-elle-V2-g10.icc"),
    ("f32", "F32", "sRGB-elle-V2-g10.icc"),
]


def _absent(why=ABSENT):
    """Skip, or fail where this host is required."""
    required = os.environ.get("RETOUCH_REQUIRE_HOSTS", "").split(",")
    (pytest.fail if "krita" in required else pytest.skip)(str(why))


@pytest.fixture(scope="session")
def krita(tmp_path_factory):
    """Krita with the plugin, and pictures in its home."""
    roots = find()
    if not roots or (roots[0] == Path("/") and shutil.which("Xvfb") is None):
        _absent()
    made = _ready(roots[0], tmp_path_factory.mktemp("krita"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def newer_krita(tmp_path_factory):
    """Krita 5.2 with transparency masks, in the Debian 13 root."""
    roots = [root for root in find() if root != Path("/")]
    if not roots:
        pytest.skip("Krita 5.2 is absent: run WITH_KRITA=1 tests/hosts/gimp/bootstrap.sh as root")
    made = _ready(roots[0], "retouch-krita-tests")
    yield made
    made.close()
    shutil.rmtree(made.home, ignore_errors=True)


def _ready(root, name):
    try:
        made = Krita(root, name)
    except NoDisplay as why:
        _absent(why)
    for picture in ("house.png", "cat.png", "rocket.png", "star.png"):
        shutil.copy(DEMO / picture, made.home)
    (made.home / "ramps").mkdir(exist_ok=True)
    for ramp, rows in ramps().items():
        (made.home / "ramps" / f"{ramp}.raw").write_bytes(rows.tobytes())
    return made


@pytest.fixture(scope="session")
def daemon(krita):
    """A daemon that tests share: no test may stop it."""
    served = Served(krita.daemon_folder, "krita").start()
    yield served
    served.stop()


@pytest.fixture(scope="session")
def modes(krita, daemon):
    """What every scene has found, in one run of kritarunner."""
    try:
        found = krita.run_script("drive_modes", scenes=SCENES, blocked=BLOCKED, ramps=RAMPS)
    except NoDisplay as why:
        _absent(why)
    assert "trouble" not in found, found["trouble"] + krita.said()
    missing = [name for name in SCENES if name not in found]
    assert not missing, krita.said()
    return found


def ramps():
    """Gradients that use all levels of their depth, 192x128 in Krita's channel order."""
    x = np.linspace(0.05, 0.9, 192)[None, :, None]
    y = np.linspace(0, 0.05, 128)[:, None, None]
    values = np.clip(x + y + np.array([0, 0.02, -0.02]), 0, 1)
    rgba = np.concatenate([values, np.ones((128, 192, 1))], axis=2)
    bgra = rgba[..., [2, 1, 0, 3]]
    return {
        "u16": (bgra * 65535).round().astype("<u2"),
        "u16-linear": (bgra * 65535).round().astype("<u2"),
        "f16": (rgba * 1.5).astype("<f2"),
        "f32": (rgba * 1.5).astype("<f4"),
    }
