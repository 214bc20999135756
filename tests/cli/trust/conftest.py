"""Two installations, and pictures that really went through their gates."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.cli.main import run
from retouch_safety import Gate, InputPicture, Installation, Job, Sealed
from retouch_safety.save import save

BOX = (slice(16, 272), slice(40, 296))  # the edited area: 256 x 256 at 40,16


def drawn(height=288, width=336, seed=0):
    """A picture with some texture, which takes a mark well."""
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([x * 200 // width, y * 200 // height, (x + y) % 200], axis=2)
    noise = np.random.default_rng(seed).normal(0, 9, smooth.shape)
    return (smooth + 25 + noise).clip(0, 255).astype(np.uint8)


def released_by(gate, picture, operations=("sdedit", "soft_mask")):
    """An edit of the middle of a picture, through the gate."""
    job = Job(pictures={"image": InputPicture(picture)}, operations=operations, model="tiny")
    edited = np.zeros(picture.shape[:2], np.float32)
    edited[BOX] = 1
    return gate.release(Sealed.composite(picture, edited), gate.admit(job))


def installation_in(folder):
    installed = SimpleNamespace(home=folder, installation=Installation(folder / "safety"))
    installed.gate = Gate(installation=installed.installation)
    installed.source = drawn()
    installed.released = released_by(installed.gate, installed.source)
    installed.record = installed.released.receipt.record
    for suffix in ("png", "jpg", "webp", "tiff"):
        save(installed.released, folder / f"edit.{suffix}")
    return installed


@pytest.fixture(scope="session")
def ours(tmp_path_factory):
    return installation_in(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="session")
def theirs(tmp_path_factory):
    return installation_in(tmp_path_factory.mktemp("theirs"))


@pytest.fixture
def release():
    """Edit another picture, through the gate of an installation."""

    def edit(installed, seed, operations):
        return released_by(installed.gate, drawn(seed=seed), operations)

    return edit


@pytest.fixture
def call(monkeypatch, capfd):
    """Run a command as a user of an installation; its code, output and errors."""

    def run_as(user, *arguments):
        home = user if isinstance(user, Path) else user.home
        monkeypatch.setenv("RETOUCH_HOME", str(home))
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        shown = capfd.readouterr()
        return SimpleNamespace(code=code, out=shown.out, err=shown.err)

    return run_as


@pytest.fixture
def verified(call):
    """``retouch verify --json``: code and objects."""

    def verify(user, *arguments):
        found = call(user, "verify", "--json", *arguments)
        return found.code, [json.loads(line) for line in found.out.splitlines()]

    return verify


@pytest.fixture
def resaved(tmp_path):
    """Write a picture as a program without any knowledge of it does: no metadata is left."""

    def save_again(path, name, **options):
        pixels = np.asarray(Pillow.open(path).convert("RGB"))
        Pillow.fromarray(pixels).save(tmp_path / name, **options)
        return tmp_path / name

    return save_again
