"""Steps of colour at the edges of a mask: those that an autoencoder makes, and no others."""

import cv2
import numpy as np
import pytest

from retouch.imaging.patch import resize
from retouch.imaging.region import Size
from retouch.imaging.seam import matched

SIDE = 128


def drawn():
    """A smooth picture with some texture."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    noise = np.random.default_rng(0).normal(0, 0.01, (SIDE, SIDE, 3))
    return (np.stack([0.3 + 0.4 * x, 0.3 + 0.4 * y, 0.5 + 0 * x], -1) + noise).astype(np.float32)


@pytest.fixture
def mask():
    found = np.zeros((SIDE, SIDE), np.float32)
    found[42:84, 43:88] = 1
    return found


def shift():
    """Of colours: another one on every side."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    return (np.stack([0.04 * x, 0.02 + 0 * x, -0.03 * y], -1)).astype(np.float32)


def test_a_shift_of_colour_is_taken_back(mask):
    source = drawn()
    edited = source + shift()
    found = matched(edited, source, mask)
    inside = mask > 0
    assert np.abs(edited - source)[inside].mean() > 0.008
    assert np.abs(found - source)[inside].mean() < 0.003


def test_what_the_edit_draws_is_kept(mask):
    """Only its colours as a whole move, and only as far as the surroundings say."""
    source = drawn()
    drawing = np.zeros_like(source)
    drawing[55:70, 55:75] = (0.3, -0.2, 0.3)
    found = matched(np.clip(source + drawing + shift(), 0, 1), source, mask)
    assert np.abs(found - np.clip(source + drawing, 0, 1))[mask > 0].mean() < 0.004


@pytest.mark.parametrize("reach", [0, 7, 15])
def test_a_gentle_change_of_colour_is_kept(mask, reach):
    """ "Slightly warmer": latent pixels at the edge carry it beyond the mask, too."""
    source = drawn()
    wanted = np.float32([0.05, 0.02, -0.04])
    spread = cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1)))
    edited = source + wanted * spread[..., None]
    found = matched(edited, source, mask)
    kept = (found - source)[mask > 0].mean(axis=0) / wanted
    assert (kept > 0.9).all(), kept


@pytest.mark.parametrize("scale", [2, 4])
def test_no_step_is_left_where_the_crop_is_larger_than_the_working_picture(mask, scale):
    """Enlarging mixes pixels of both sides of the edge."""
    source = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    found = matched(source + np.float32(0.03), source, mask)
    large = resize(found, Size(SIDE * scale, SIDE * scale))
    assert np.abs(large - 0.5).max() < 0.004


def test_an_edit_that_repaints_its_surroundings_is_left_alone(mask):
    source = drawn()
    night = source * np.float32(0.3)
    assert matched(night, source, mask) is night


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_nothing_is_compared_where_nothing_lies_outside(strength):
    source = drawn()
    edited = source + shift()
    whole = np.full((SIDE, SIDE), strength, np.float32)
    assert np.array_equal(matched(edited, source, whole), edited)


@pytest.mark.parametrize("side", [1, 2, 7, 33])
def test_any_size_has_its_shape_and_range(side):
    rng = np.random.default_rng(side)
    source = rng.random((side, 2 * side, 3), np.float32)
    mask = np.zeros((side, 2 * side), np.float32)
    mask[:, : max(1, side // 2)] = 0.5
    edited = np.clip(source + np.float32(0.01), 0, 1)
    found = matched(edited, source, mask)
    assert found.shape == source.shape and found.dtype == np.float32
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1
