"""Rectangles: what is sent contains the selection, stays on the canvas, and comes back in place."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch_bridge.plugin_kit.geometry import (
    RATIOS,
    Rect,
    canvas_rect,
    default_feather,
    expansion,
    fitted,
    placed,
    region,
    relative,
)

FAR = st.integers(-5000, 5000)
SIDE = st.integers(1, 5000)
RECTS = st.builds(Rect, FAR, FAR, SIDE, SIDE)
PADDINGS = st.floats(0, 4)
SHORTEST = st.integers(1, 1024)
ADDED = st.integers(0, 2000)


@given(RECTS, RECTS, PADDINGS, SHORTEST)
def test_the_crop_contains_the_selection_and_stays_on_the_canvas(selection, canvas, padding, least):
    crop = region(selection, canvas, padding, least)
    assert canvas.contains(crop)
    assert not crop.empty
    assert crop.contains(selection.clipped(canvas)) or selection.clipped(canvas).empty


@given(SIDE, SIDE, PADDINGS)
def test_no_selection_is_the_whole_canvas(width, height, padding):
    whole = Rect(0, 0, width, height)
    assert region(None, (width, height), padding) == whole
    assert region(Rect(width + 10, 0, 5, 5), (width, height), padding) == whole


@given(RECTS, PADDINGS)
def test_the_selection_has_its_padding_where_the_canvas_allows_it(selection, padding):
    wide = Rect(-100_000, -100_000, 200_000, 200_000)
    crop = region(selection, wide, padding, 1)
    least = round(padding * max(selection.width, selection.height))
    assert selection.x - crop.x >= least <= crop.right - selection.right
    assert selection.y - crop.y >= least <= crop.bottom - selection.bottom


@given(RECTS, PADDINGS, SHORTEST)
def test_where_there_is_room_the_crop_has_a_shape_that_models_know(selection, padding, least):
    wide = Rect(-100_000, -100_000, 200_000, 200_000)
    crop = region(selection, wide, padding, least)
    assert min(crop.width, crop.height) >= least
    # one pixel of rounding on each side
    slack = 1 + 2 / min(crop.width, crop.height)
    known = min(max(crop.width / crop.height / r, crop.height * r / crop.width) for r in RATIOS)
    assert known <= slack


def test_a_strip_keeps_its_length_and_is_not_made_a_square():
    crop = region(Rect(0, 100, 1000, 30), (1000, 800))
    assert crop.width == 1000
    assert crop.height == math.ceil(1000 * 9 / 16)


@given(RECTS, RECTS)
def test_a_patch_comes_back_where_it_was(crop, bounds):
    assert relative(placed(bounds, crop), crop) == bounds
    assert placed(relative(bounds, crop), crop) == bounds


@given(RECTS)
def test_a_rectangle_survives_the_wire(rect):
    sent = {name: value for name, value in rect.to_json().items() if value}  # zeros are left out
    assert Rect.of(sent) == rect


@given(RECTS, ADDED, ADDED, ADDED, ADDED, st.integers(0, 200))
@settings(max_examples=300)
def test_an_expansion_covers_all_that_is_new_and_keeps_the_rest(
    canvas, left, top, right, bottom, overlap
):
    if not left + top + right + bottom:
        with pytest.raises(ValueError, match="Fix"):
            expansion(canvas, left, top, right, bottom, overlap)
        return
    plan = expansion(canvas, left, top, right, bottom, overlap)
    assert plan.canvas.contains(canvas)
    assert (plan.canvas.width - canvas.width, plan.canvas.height - canvas.height) == (
        left + right,
        top + bottom,
    )
    assert plan.canvas.contains(plan.crop)
    assert plan.offset == (canvas.x - plan.canvas.x, canvas.y - plan.canvas.y)
    assert plan.read == plan.crop.clipped(canvas)
    assert not plan.read.empty  # what is new has something to fit
    assert plan.crop.contains(plan.kept) or plan.kept.empty
    assert canvas.contains(plan.kept) or plan.kept.empty
    for strip in _new_strips(canvas, plan.canvas):
        assert plan.crop.contains(strip)
        assert strip.clipped(plan.kept).empty


def _new_strips(old, new):
    strips = (
        Rect(new.x, new.y, old.x - new.x, new.height),
        Rect(old.right, new.y, new.right - old.right, new.height),
        Rect(new.x, new.y, new.width, old.y - new.y),
        Rect(new.x, old.bottom, new.width, new.bottom - old.bottom),
    )
    return [each for each in strips if not each.empty]


def test_the_overlap_is_only_along_the_edges_that_grow():
    plan = expansion((1000, 800), right=200, overlap=32)
    assert plan.kept.right == 1000 - 32
    assert (plan.kept.y, plan.kept.bottom) == (0, 800)
    assert plan.crop.right == 1200


def test_a_small_canvas_keeps_half_of_itself_from_the_overlap():
    plan = expansion((10, 10), left=10, right=10, overlap=500)
    assert plan.kept == Rect(2, 0, 6, 10)


@pytest.mark.parametrize("sides", [(-1, 0, 0, 5), (0, 0, 0, 0)])
def test_what_cannot_be_added_is_said(sides):
    with pytest.raises(ValueError, match="Fix: add pixels to a side"):
        expansion((100, 100), *sides)


@given(SIDE, SIDE, st.integers(1, 1024))
def test_a_fitted_size_is_small_enough_and_of_the_same_shape(width, height, longest):
    small = fitted((width, height), longest)
    assert min(small) >= 1 and max(small) <= max(longest, 1)
    scale = min(1, longest / max(width, height))
    assert abs(small[0] - width * scale) <= 1 and abs(small[1] - height * scale) <= 1


@given(RECTS, RECTS)
def test_clipping_and_containing_agree(one, other):
    common = one.clipped(other)
    assert common == other.clipped(one) or common.empty
    assert one.contains(other) == (common == other)


@given(RECTS, st.integers(-300, 300))
def test_growing_moves_every_side(rect, by):
    grown = rect.grown(by)
    assert grown.width == max(0, rect.width + 2 * by)
    assert by < 0 or grown.contains(rect)


def test_a_canvas_is_bounds_or_a_size():
    assert canvas_rect((3, 4)) == Rect(0, 0, 3, 4)
    assert canvas_rect(Rect(-5, -6, 3, 4)) == Rect(-5, -6, 3, 4)


@pytest.mark.parametrize(("side", "feather"), [(10, 0), (20, 2), (128, 8), (5000, 32)])
def test_the_feather_suits_the_selection(side, feather):
    assert default_feather(Rect(0, 0, side, side * 2)) == feather
