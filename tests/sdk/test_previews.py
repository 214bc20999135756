"""Previews come with every step, and open for the gate only."""

import numpy as np
import pytest

from retouch.imaging.image import Image
from retouch.imaging.region import Rect
from retouch.request import EditRequest
from retouch_plugins.sdedit import SDEdit
from retouch_safety.errors import AlreadyOpened
from retouch_safety.sealed import Sealed


def steps_of(runner, **fields):
    image = Image(np.random.default_rng(0).integers(0, 255, (96, 80, 3), np.uint8))
    settings = {"image": image, "model": "tiny", "steps": 3, "operations": (SDEdit(strength=1.0),)}
    seen = []
    admitted = runner.admit(EditRequest(**(settings | fields)))
    return admitted, seen, runner.run(admitted, on_step=seen.append)


def test_every_step_can_be_looked_at_through_the_gate(runner):
    admitted, seen, _ = steps_of(runner)
    assert [step.trajectory for step in seen] == [0, 0, 0]
    sealed = seen[0].preview(None)
    assert type(sealed) is Sealed
    with pytest.raises(TypeError, match="no pixels outside the gate"):
        np.asarray(sealed)
    released = runner.gate.release(sealed, admitted.admission)
    assert released.form == "preview" and released.pixels.shape == (96, 80, 3)
    assert released.receipt.detectors
    with pytest.raises(AlreadyOpened):
        runner.gate.release(sealed, admitted.admission)


def test_the_first_look_is_blurred(runner):
    admitted, seen, _ = steps_of(runner)
    blurred, sharp = (admitted.look(seen[-1]).pixels.astype(int) for _ in range(2))
    roughness = [np.abs(np.diff(pixels, axis=1)).mean() for pixels in (blurred, sharp)]
    assert roughness[0] < roughness[1] / 4
    assert np.abs(blurred.mean((0, 1)) - sharp.mean((0, 1))).max() < 4


def test_the_last_one_looks_like_the_result(runner):
    admitted, seen, (result,) = steps_of(runner)
    admitted.look(seen[0])
    last, first = (admitted.look(seen[k]).pixels.astype(int) for k in (-1, 0))
    found = result.composite.pixels
    # Both are marked, differently, and the sampler's last step moves it a little.
    assert np.abs(last - found).mean() < np.abs(first - found).mean()
    assert np.abs(last - found).mean() < 8


def test_it_covers_the_edited_region_only(runner):
    admitted, seen, _ = steps_of(runner, region=Rect(30, 40, 32, 32))
    released = admitted.look(seen[-1])
    x, y = released.offset
    shown = np.zeros((96, 80), bool)
    height, width = released.alpha.shape
    shown[y : y + height, x : x + width] = released.alpha > 0
    inside = np.zeros_like(shown)
    inside[40:72, 30:62] = True
    assert not shown[~inside].any() and shown[inside].all()


def test_every_variant_has_its_own(runner):
    admitted, seen, _ = steps_of(runner, variants=2)
    admitted.look(seen[0])
    assert {step.trajectory for step in seen} == {0, 1}
    looks = {step.trajectory: admitted.look(step).pixels for step in seen}
    assert (looks[0] != looks[1]).mean() > 0.5


@pytest.mark.parametrize(("max_side", "size"), [(32, (32, 27)), (96, (96, 80)), (500, (96, 80))])
def test_a_look_is_as_small_as_was_asked_for(runner, max_side, size):
    admitted, seen, _ = steps_of(runner)
    look = admitted.look(seen[-1], max_side)
    assert look.pixels.shape[:2] == size
    whole = admitted.look(seen[-1])
    assert np.abs(look.pixels.mean((0, 1)) - whole.pixels.mean((0, 1))).max() < 6
