"""The perceptual hash: alike stays alike, unlike differs in about half of the bits."""

import itertools

import cv2
import numpy as np
import pytest

from retouch_safety.fingerprint import difference, fingerprint


def test_it_has_64_bits_and_is_the_same_at_every_depth(astronaut):
    found = fingerprint(astronaut)
    assert len(found) == 16 and int(found, 16) >= 0
    assert fingerprint(astronaut.astype(np.uint16) * 257) == found
    assert fingerprint((astronaut / np.float32(255)).astype(np.float32)) == found


@pytest.mark.parametrize(
    "change",
    [
        lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 1),
        lambda rgb: cv2.resize(rgb, (200, 200), interpolation=cv2.INTER_AREA),
        lambda rgb: np.clip(rgb.astype(int) + 12, 0, 255).astype(np.uint8),
        lambda rgb: cv2.imdecode(cv2.imencode(".jpg", rgb, [1, 50])[1], cv2.IMREAD_COLOR),
    ],
    ids=["blurred", "smaller", "brighter", "compressed"],
)
def test_ordinary_handling_changes_few_bits(astronaut, change):
    assert difference(fingerprint(astronaut), fingerprint(change(astronaut))) <= 8


def test_unlike_pictures_differ_in_many(photograph):
    names = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
    found = [fingerprint(photograph(name)) for name in names]
    assert min(difference(a, b) for a, b in itertools.combinations(found, 2)) >= 16
    flipped = fingerprint(photograph("astronaut.png")[:, ::-1])
    assert difference(found[0], flipped) >= 16


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 400, 3), (400, 1, 3), (33, 31, 3)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_any_shape_and_flat_pictures_have_one(shape, value):
    assert len(fingerprint(np.full(shape, value, np.uint8))) == 16


def test_only_fingerprints_are_compared():
    assert difference("0" * 16, "f" * 16) == 64 and difference("0" * 16, "0" * 15 + "1") == 1
    with pytest.raises(ValueError):
        difference("not one", "0" * 16)
