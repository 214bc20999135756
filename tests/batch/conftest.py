"""Small documents, drawn here, and a real daemon in processes of its own."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from psd_tools import PSDImage

from retouch.batch.released import ReleasedPatch
from retouch.cli.main import run
from retouch.client.client import wait_for_daemon
from retouch.client.finding import Endpoint
from retouch.imaging.region import Rect
from retouch_safety.receipt import MarkStatus, Receipt, digest_of

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "from retouch.cli.main import main; main()"


def colours(height, width, seed=0):
    """Soft stripes with grain: neither flat nor noise."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [np.sin(x / 9 + seed) + np.cos(y / (7 + channel)) for channel in range(3)]
    grain = np.random.default_rng(seed).normal(0, 0.08, (height, width, 3))
    return np.clip(0.5 + np.stack(waves, axis=-1) / 5 + grain, 0, 1)


def layered(width=64, height=48, depth=8, version=1):
    """A PSD: ``ground``, a group ``Hero`` of ``body`` and ``shade`` clipped to it, ``matte``."""
    psd = PSDImage.new("RGB", (width, height), depth=depth)
    if version == 2:
        psd._record.header.version = 2

    def layer(name, picture, top=0, left=0):
        made = psd.create_pixel_layer(
            Pillow.fromarray(np.rint(picture * 255).astype(np.uint8)), name=name, top=top, left=left
        )
        if made.has_mask():
            made.remove_mask()
        return made

    layer("ground", colours(height, width))
    group = psd.create_group(name="Hero")
    fading = np.linspace(0, 1, height * (width // 2)).reshape(height, -1)
    body = np.dstack([colours(height, width // 2, 1), fading])
    group.append(layer("body", body, left=-4))
    shade = layer("shade", colours(height // 2, width // 2, 2), top=height // 4)
    shade.clipping = True
    group.append(shade)
    matte = np.zeros((height, width, 3))
    matte[height // 4 : height // 2, width // 4 : width // 2] = 1
    layer("matte", matte).visible = False
    stream = io.BytesIO()
    psd.save(stream)
    return stream.getvalue()


def patch(dtype, height=20, width=16, x=10, y=9):
    """A patch as a gate might release it: hard, soft and no edges."""
    rng, kind = np.random.default_rng(3), np.dtype(dtype)
    white = 1.0 if kind.kind == "f" else np.iinfo(kind).max
    alpha = rng.random((height, width))
    alpha[:4], alpha[4:8] = 0, 1
    pixels = rng.random((height, width, 3))
    if kind.kind != "f":
        alpha, pixels = np.rint(alpha * white), np.rint(pixels * white)
    alpha, pixels = alpha.astype(kind), pixels.astype(kind)
    pixels[alpha == 0] = 0
    receipt = Receipt(
        record="00000001", job="j", created="", form="patch", operations=(), model="m", policy="p",
        detectors=(), ingredients=(), mark=MarkStatus.EMBEDDED, mark_area=None, mark_key=0,
        mark_note="", compatibility_mark="", fingerprint="", digest=digest_of(pixels, alpha),
    )  # fmt: skip
    return ReleasedPatch(pixels, alpha, Rect(x, y, width, height), receipt)


@pytest.fixture(scope="session", name="colours")
def _colours():
    return colours


@pytest.fixture(scope="session", name="layered")
def _layered():
    return layered


@pytest.fixture(scope="session", name="patch")
def _patch():
    return patch


class Daemon:
    """A daemon's process."""

    def __init__(self, folder):
        arguments = ["serve", "--address", "127.0.0.1:0", "--folder", str(folder)]
        arguments += ["--silence", "60"]  # whoever waits for a core is not hung
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        port = self.process.stdout.readline().rpartition(":")[2].strip()
        self.endpoint = Endpoint(f"127.0.0.1:{port}", folder / "token")
        self.environment = {
            "RETOUCH_DAEMON": self.endpoint.address,
            "RETOUCH_DAEMON_TOKEN_FILE": str(folder / "token"),
        }
        wait_for_daemon(self.endpoint, 120)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)


@pytest.fixture(scope="session")
def daemon(tmp_path_factory):
    """A daemon that all tests share: no test may stop it."""
    found = Daemon(tmp_path_factory.mktemp("daemon"))
    yield found
    found.stop()


@pytest.fixture
def command(daemon, monkeypatch, capsys):
    """Run ``retouch`` with the shared daemon; its exit code, output and errors."""
    for name, value in daemon.environment.items():
        monkeypatch.setenv(name, value)

    def command(*arguments):
        capsys.readouterr()
        code = run(list(map(str, arguments)))
        shown = capsys.readouterr()
        return code, shown.out.strip(), shown.err.strip()

    return command


@pytest.fixture
def recipe(tmp_path):
    """Write a recipe; a short edit where nothing else is said."""

    def write(text="", name="recipe.yaml"):
        short = "prompt: a red house\nops: ['sdedit:strength=0.6']\nsteps: 4\nseed: 3\n"
        file = tmp_path / name
        file.write_text(text if text.startswith("recipe:") else short + text)
        return file

    return write
