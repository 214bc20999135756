"""Previews come with every step, and open for the gate only."""

import numpy as np
import pytest
import torch

from retouch.imaging.image import Image
from retouch.imaging.region import Rect
from retouch.models.library import Library
from retouch.request import EditRequest
from retouch.runner import Runner
from retouch_plugins.sdedit import SDEdit
from retouch_safety.errors import AlreadyOpened
from retouch_safety.sealed import Sealed


@pytest.fixture(scope="module")
def runner(tiny_installed):
    return Runner(Library(dtype=torch.float32))


def steps_of(runner, **fields):
    image = Image(np.random.default_rng(0).integers(0, 255, (96, 80, 3), np.uint8))
    settings = {"image": image, "model": "tiny", "steps": 3, "operations": (SDEdit(strength=1.0),)}
    seen = []
    results = runner.run(EditRequest(**(settings | fields)), on_step=seen.append)
    return seen, results


def test_every_step_can_be_looked_at_through_the_gate(runner):
    seen, _ = steps_of(runner)
    assert [step.trajectory for step in seen] == [0, 0, 0]
    sealed = seen[0].preview()
    assert type(sealed) is Sealed
    with pytest.raises(TypeError, match="no pixels outside the gate"):
        np.asarray(sealed)
    released = runner.gate.release(sealed)
    assert released.form == "patch" and released.pixels.shape == (96, 80, 3)
    assert released.receipt.detectors
    with pytest.raises(AlreadyOpened):
        runner.gate.release(sealed)


def test_the_last_one_looks_like_the_result(runner):
    seen, (result,) = steps_of(runner)
    last, first = (runner.gate.release(seen[k].preview()).pixels.astype(int) for k in (-1, 0))
    found = result.composite.pixels
    # Both are marked, differently, and the sampler's last step moves it a little.
    assert np.abs(last - found).mean() < np.abs(first - found).mean()
    assert np.abs(last - found).mean() < 8


def test_it_covers_the_edited_region_only(runner):
    seen, _ = steps_of(runner, region=Rect(30, 40, 32, 32))
    released = runner.gate.release(seen[-1].preview())
    x, y = released.offset
    shown = np.zeros((96, 80), bool)
    height, width = released.alpha.shape
    shown[y : y + height, x : x + width] = released.alpha > 0
    inside = np.zeros_like(shown)
    inside[40:72, 30:62] = True
    assert not shown[~inside].any() and shown[inside].all()


def test_every_variant_has_its_own(runner):
    seen, _ = steps_of(runner, variants=2)
    assert {step.trajectory for step in seen} == {0, 1}
    looks = {step.trajectory: runner.gate.release(step.preview()).pixels for step in seen}
    assert (looks[0] != looks[1]).mean() > 0.5
