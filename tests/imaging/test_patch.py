"""Patches: what is outside the mask keeps its bits, at every depth."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.errors import InvalidField, InvalidImage
from retouch.imaging.convert import converted
from retouch.imaging.image import Image, Mask, check_same_size, from_model_range, to_model_range
from retouch.imaging.patch import (
    Patch,
    composite,
    extract,
    extract_mask,
    feather,
    grow,
    make_patch,
    restore,
)
from retouch.imaging.region import Rect, Size, plan_region
from retouch.testing.color_profiles import linear_profile

DEPTHS = [np.uint8, np.uint16, np.float32]
BOUNDED = settings(max_examples=40, deadline=None, database=None, derandomize=True)


def random_image(width, height, depth, seed, alpha=False):
    rng = np.random.default_rng(seed)
    shape = (height, width, 4)
    if depth is np.float32:
        values = rng.normal(0.5, 0.7, shape).astype(depth)  # beyond [0, 1] too
    else:
        values = rng.integers(0, np.iinfo(depth).max, shape, dtype=depth, endpoint=True)
    return Image(values[..., :3], values[..., 3] if alpha else None, b"profile")


def random_mask(width, height, seed):
    rng = np.random.default_rng(seed)
    strength = np.clip(rng.normal(0, 1, (height, width)), 0, 1).astype(np.float32)
    strength[rng.random((height, width)) < 0.3] = 1
    keep = Rect(*rng.integers(0, (width, height)), width // 2 + 1, height // 2 + 1)
    outside = np.ones_like(strength, bool)
    outside[keep.slices] = False
    strength[outside] = 0
    return Mask(strength)


def edit(image, mask, seed, native=64):
    """A round trip with a model that returns noise."""
    plan = plan_region(image.size, mask.bbox(), native_size=native, multiple=8)
    working = extract(image, plan)
    assert working.shape == (plan.working.height, plan.working.width, 3)
    assert working.dtype == np.float32 and working.min() >= 0 and working.max() <= 1
    noise = np.random.default_rng(seed).random(working.shape, dtype=np.float32)
    return make_patch(image, noise, plan, mask)


@BOUNDED
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from(DEPTHS),
    st.integers(0, 10**6),
    st.booleans(),
    st.integers(0, 6),
    st.booleans(),
)
def test_outside_is_bit_identical(width, height, depth, seed, alpha, radius, outwards):
    image = random_image(width, height, depth, seed, alpha)
    mask = feather(random_mask(width, height, seed), radius, outwards=outwards)
    patch = edit(image, mask, seed)
    result = composite(image, patch)
    outside = mask.strength == 0
    assert result.pixels.dtype == image.pixels.dtype
    assert result.pixels[outside].tobytes() == image.pixels[outside].tobytes()
    assert result.icc == image.icc
    assert (result.alpha is None) if not alpha else (result.alpha == image.alpha).all()
    assert not patch.pixels[patch.alpha == 0].any()
    full = np.zeros((height, width), bool)
    full[patch.bounds.slices] = patch.alpha == 1
    assert (result.pixels[full] == patch.pixels[patch.alpha == 1]).all()


@pytest.mark.parametrize("depth", DEPTHS)
def test_mask_zero_is_exactly_the_source(depth):
    image = random_image(40, 30, depth, 1, alpha=True)
    mask = Mask(np.zeros((30, 40), np.float32))
    assert mask.bbox() is None
    result = composite(image, edit(image, mask, 2))
    assert result.pixels.tobytes() == image.pixels.tobytes()


def test_negative_zero_and_huge_floats_survive():
    pixels = np.full((8, 8, 3), -0.0, np.float32)
    pixels[0] = 6e4
    image = Image(pixels)
    result = composite(image, edit(image, Mask.rectangle(image.size, Rect(4, 4, 2, 2)), 0))
    outside = np.ones((8, 8), bool)
    outside[4:6, 4:6] = False
    assert result.pixels[outside].tobytes() == pixels[outside].tobytes()


@pytest.mark.parametrize("depth", DEPTHS)
def test_half_alpha_is_half_way(depth):
    white = 1.0 if depth is np.float32 else np.iinfo(depth).max
    image = Image(np.zeros((4, 4, 3), depth))
    patch = Patch(np.full((4, 4, 3), white, depth), np.full((4, 4), 0.5, np.float32), 0, 0)
    assert abs(float(composite(image, patch).pixels[0, 0, 0]) - white / 2) <= 0.5


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_unchanged_working_picture_returns_the_source(depth):
    """At scale 1 an edit that changes nothing gives the same bits, at full alpha."""
    image = random_image(64, 64, depth, 3)
    plan = plan_region(image.size, native_size=64, multiple=8)
    patch = make_patch(image, extract(image, plan), plan, Mask.full(image.size))
    assert (composite(image, patch).pixels == image.pixels).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 90), (500, 40)])
def test_tiny_and_extreme_pictures_make_the_round_trip(size):
    image = random_image(*size, np.uint8, 4)
    plan = plan_region(image.size, native_size=128, multiple=16)
    working = extract(image, plan)
    assert working.shape[:2] == (plan.working.height, plan.working.width)
    back = restore(working, plan)
    assert back.shape == (size[1], size[0], 3)
    assert extract_mask(Mask.full(image.size), plan).min() == 1
    assert np.abs(back - image.unit()).mean() < 0.3


def test_reflection_continues_the_picture():
    image = Image(np.tile(np.arange(100, dtype=np.uint8)[None, :, None], (10, 1, 3)))
    plan = plan_region(image.size, native_size=64, multiple=8)
    working = extract(image, plan)
    top = plan.content.y
    assert top > 0
    assert (working[top - 1] == working[top]).all()


def test_a_flat_picture_stays_flat_through_both_directions():
    image = Image(np.full((300, 200, 3), 77, np.uint8))
    for native in (64, 512):
        plan = plan_region(image.size, native_size=native, multiple=8)
        assert np.allclose(restore(extract(image, plan), plan), 77 / 255, atol=1e-4)


@BOUNDED
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 10**6), st.integers(0, 12))
def test_feather_and_grow_stay_in_their_support(width, height, seed, radius):
    mask = random_mask(width, height, seed)
    inside = mask.strength > 0
    inwards = feather(mask, radius)
    assert ((inwards.strength > 0) == inside).all()
    assert (inwards.strength <= mask.strength).all()
    grown = grow(mask, radius)
    assert (grown.strength[inside] == mask.strength[inside]).all()
    outwards = feather(mask, radius, outwards=True)
    assert ((outwards.strength > 0) == (grown.strength > 0)).all()
    assert not (grow(mask, -radius).strength[~inside]).any()


def test_grow_is_a_distance_in_canvas_pixels():
    strength = np.zeros((41, 41), np.float32)
    strength[20, 20] = 0.4
    grown = grow(Mask(strength), 5).strength
    y, x = np.mgrid[:41, :41] - 20
    assert ((grown > 0) == (np.hypot(x, y) <= 5.001)).all()
    assert np.allclose(grown[grown > 0], 0.4)
    assert (grow(grow(Mask.full(Size(9, 9)), 3), -3).strength == 1).all()


def test_feather_fades_and_ignores_the_canvas_border():
    mask = Mask.rectangle(Size(100, 20), Rect(0, 0, 50, 20))
    row = feather(mask, 10).strength[10]
    assert (row[:40] == 1).all() and (np.diff(row[39:50]) < 0).all() and not row[50:].any()
    wide = feather(mask, 10, outwards=True).strength[10]
    assert 0.4 < wide[49] < 0.6 and wide[59] > 0 and not wide[60:].any()
    with pytest.raises(InvalidField, match="feather"):
        feather(mask, -1)


def test_support_ignores_strength():
    mask = Mask(np.array([[0, 0.2, 1]], np.float32))
    assert mask.support().strength.tolist() == [[0, 1, 1]]


def test_model_range():
    unit = np.random.default_rng(0).random((5, 7, 3), dtype=np.float32)
    chw = to_model_range(unit)
    assert chw.shape == (3, 5, 7) and chw.min() >= -1 and chw.max() <= 1
    assert np.allclose(from_model_range(chw), unit, atol=1e-6)
    assert np.isnan(from_model_range(np.full((3, 2, 2), np.nan))).all()
    with pytest.raises(InvalidField):
        from_model_range(np.zeros((4, 2, 2)))


def test_images_are_read_only_and_checked():
    image = random_image(5, 4, np.uint8, 0)
    with pytest.raises(ValueError):
        image.pixels[0, 0, 0] = 1
    bad = [
        lambda: Image(np.zeros((4, 4), np.uint8)),
        lambda: Image(np.zeros((4, 4, 3), np.float64)),
        lambda: Image(np.zeros((0, 4, 3), np.uint8)),
        lambda: Image(np.full((2, 2, 3), np.nan, np.float32)),
        lambda: Image(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint16)),
        lambda: Mask(np.full((2, 2), 1.5, np.float32)),
        lambda: Mask(np.full((2, 2), np.nan, np.float32)),
        lambda: Mask(np.zeros((2, 2, 3), np.float32)),
        lambda: check_same_size(image, Mask.full(Size(4, 5))),
        lambda: Patch(np.zeros((2, 2, 3), np.uint8), np.zeros((3, 2), np.float32), 0, 0),
    ]
    for make in bad:
        with pytest.raises(InvalidImage, match=r"allowed: .* Fix: "):
            make()


def test_patches_that_do_not_fit_are_refused():
    image = random_image(10, 10, np.uint8, 0)
    ones = np.ones((4, 4), np.float32)
    with pytest.raises(InvalidField, match="inside the 10x10"):
        composite(image, Patch(np.zeros((4, 4, 3), np.uint8), ones, 7, 0))
    with pytest.raises(InvalidField, match="depth"):
        composite(image, Patch(np.zeros((4, 4, 3), np.uint16), ones, 0, 0))
    plan = plan_region(image.size, native_size=64, multiple=8)
    with pytest.raises(InvalidField, match="working picture"):
        restore(np.zeros((8, 8, 3), np.float32), plan)
    with pytest.raises(InvalidImage, match=r"mask\.size"):
        make_patch(image, extract(image, plan), plan, Mask.full(Size(9, 10)))
    corner = plan_region(Size(90, 90), Rect(0, 0, 8, 8), native_size=16, multiple=8)
    large = random_image(90, 90, np.uint8, 0)
    with pytest.raises(InvalidField, match="feathered mask"):
        make_patch(large, extract(large, corner), corner, Mask.full(large.size))
    broken = np.full((plan.working.height, plan.working.width, 3), np.nan, np.float32)
    with pytest.raises(InvalidImage, match="NaN"):
        make_patch(image, broken, plan, Mask.full(image.size))


# --- colour profiles ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["adobergb", "linear"])
@pytest.mark.parametrize("depth", ["uint8", "uint16", "float32"])
def test_a_document_is_shown_to_networks_as_it_looks(kind, depth):
    icc = linear_profile() if kind == "linear" else imagecodecs.cms_profile(kind)
    srgb = Image(np.random.default_rng(3).random((64, 64, 3), np.float32) * 0.8 + 0.1)
    document = converted(srgb, depth, icc)
    plan = plan_region(document.size, native_size=64, multiple=8)
    working = extract(document, plan)
    finest = {"uint8": 0.02, "uint16": 1e-3, "float32": 1e-4}[depth]
    assert np.abs(working - srgb.pixels).max() < finest
    patch = make_patch(document, working, plan, Mask.full(document.size))
    steps = np.abs(patch.pixels.astype(np.float64) - document.pixels).max() / document.white
    assert steps < {"uint8": 1.5 / 255, "uint16": 2 / 65535, "float32": 1e-5}[depth]
