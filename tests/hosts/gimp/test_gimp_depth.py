"""Documents of 16 bits and of linear floats, with and without a profile of their own."""

import numpy as np
import pytest

pytestmark = pytest.mark.host

KINDS = {"deep_16": "<u2", "deep_16_srgb": "<u2", "deep_float": "<f4"}


def samples(text, kind, channels):
    return np.frombuffer(bytes.fromhex(text), kind).reshape(128, 192, channels)


def mask_of(new):
    (left, top), (width, height) = new["offsets"], new["size"]
    whole = np.zeros((128, 192), "u1")
    part = np.frombuffer(bytes.fromhex(new["mask"]), "u1").reshape(height, width)
    whole[top : top + height, left : left + width] = part
    return whole


@pytest.mark.parametrize("scene", KINDS)
def test_outside_the_mask_every_bit_stays(edits, scene):
    found = edits[scene]
    assert found["status"] == "success", found["said"]
    before, after = found["before"], found["after"]
    assert after["layers"][1:] == before["layers"]
    assert (after["profile"], after["precision"]) == (before["profile"], before["precision"])
    shown = [samples(found[key], KINDS[scene], 4) for key in ("shown_before", "shown_after")]
    outside = mask_of(found["new"]) == 0
    # What is shown of floats is blended by GIMP itself, to the last bit but a few.
    allowed = 1e-6 if scene == "deep_float" else 0
    assert np.abs(shown[0][outside].astype(float) - shown[1][outside]).max() <= allowed
    away = np.ones((128, 192), bool)
    (left, top), (width, height) = found["new"]["offsets"], found["new"]["size"]
    away[top : top + height, left : left + width] = False
    assert np.abs(shown[0][away].astype(float) - shown[1][away]).max() <= allowed


@pytest.mark.parametrize("scene", KINDS)
def test_inside_at_least_twelve_bits_are_kept(edits, scene):
    found = edits[scene]
    new = found["new"]
    (left, top), (width, height) = new["offsets"], new["size"]
    rows = np.frombuffer(bytes.fromhex(new["pixels"]), KINDS[scene]).reshape(height, width, 4)
    inside = mask_of(new)[top : top + height, left : left + width] > 128
    values = rows[inside][:, :3].astype(np.float64)
    values = values / 65535 if KINDS[scene] == "<u2" else values
    steps = np.round(values * 4095 * 16).astype(int)
    # Were anything on the way of 8 bits (or fewer than 12), most of the sixteen steps inside a
    # level of 12 bits would be empty.
    filled = np.bincount(steps.ravel() % 16, minlength=16)
    assert filled.min() > 0.02 * filled.sum()
    assert len(np.unique(np.round(values[:, 0] * 4095))) > 300
