"""Region plans: invariants over many canvases, areas and models."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.errors import InvalidField
from retouch.imaging.region import Rect, Size, plan_region, working_shapes

MODELS = st.sampled_from([(128, 16), (128, 32), (128, 64), (256, 32), (512, 64), (1024, 32)])
BOUNDED = settings(max_examples=150, deadline=None, database=None, derandomize=True)


@st.composite
def canvas_and_area(draw):
    width, height = draw(st.integers(1, 5000)), draw(st.integers(1, 5000))
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    area = Rect(x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y)))
    return Size(width, height), area


@BOUNDED
@given(canvas_and_area(), MODELS, st.none() | st.integers(0, 300))
def test_plan_invariants(canvas_area, model, padding):
    canvas, area = canvas_area
    native, multiple = model
    plan = plan_region(canvas, area, native_size=native, multiple=multiple, padding=padding)
    bounds, working = Rect(0, 0, *canvas), Rect(0, 0, *plan.working)
    assert bounds.contains(plan.crop)
    assert plan.crop.contains(area)
    assert plan.crop.contains(area.grow(padding or 0).clip(bounds))
    assert working.contains(plan.content) and plan.content.area > 0
    assert plan.working.width % multiple == 0 and plan.working.height % multiple == 0
    assert plan.working in working_shapes(native, multiple)
    if plan.content != working:  # reflection only where the canvas gives no more
        assert plan.crop.width == canvas.width or plan.crop.height == canvas.height


@BOUNDED
@given(canvas_and_area(), MODELS)
def test_crop_and_content_have_the_same_aspect(canvas_area, model):
    canvas, area = canvas_area
    plan = plan_region(canvas, area, native_size=model[0], multiple=model[1])
    # one scale explains both sides, up to a rounded pixel in each picture
    sides = list(zip(plan.content.size, plan.crop.size, strict=True))
    least = max((content - 1) / (crop + 1) for content, crop in sides)
    most = min((content + 1) / max(crop - 1, 1e-9) for content, crop in sides)
    assert least <= most


def test_few_shapes():
    for native, multiple in ((128, 16), (512, 64), (1024, 64)):
        shapes = working_shapes(native, multiple)
        assert len(shapes) <= 7
        assert Size(native, native) in shapes
        for shape in shapes:
            assert 0.5 <= shape.width * shape.height / native**2 <= 2.3
    assert {s.width for s in working_shapes(512, 64) if s.width == s.height} == {512, 640, 768}
    assert {s.width for s in working_shapes(1024, 64) if s.width == s.height} == {768, 896, 1024}


@pytest.mark.parametrize("side", [128, 512])
def test_whole_picture_at_native_size_is_not_resampled(side):
    plan = plan_region(Size(side, side), native_size=side, multiple=side // 8)
    assert plan.crop == plan.content == Rect(0, 0, side, side)
    assert plan.scale == 1


def test_a_tenth_of_a_large_picture_is_edited_at_native_size():
    plan = plan_region(Size(1024, 1024), Rect(350, 350, 324, 324), native_size=512, multiple=64)
    assert plan.working == (512, 512)


@pytest.mark.parametrize("canvas", [(1, 1), (1, 5000), (5000, 1), (3, 2), (20000, 17)])
def test_tiny_and_extreme_pictures(canvas):
    plan = plan_region(Size(*canvas), native_size=128, multiple=16)
    assert plan.crop == Rect(0, 0, *canvas)


@pytest.mark.parametrize(
    "change",
    [
        {"edit": Rect(100, 0, 5, 5)},
        {"edit": Rect(5, 5, 0, 3)},
        {"padding": -1},
        {"native_size": 0},
        {"multiple": 0},
        {"sizes": ()},
        {"sizes": (0,)},
        {"canvas": Size(0, 4)},
    ],
)
def test_bad_plans_say_what_to_do(change):
    arguments = {"canvas": Size(100, 50), "edit": None, "native_size": 64, "multiple": 8} | change
    with pytest.raises(InvalidField, match=r"allowed: .* Fix: "):
        plan_region(**arguments)


def test_rect_arithmetic():
    rect = Rect(2, 3, 4, 5)
    assert (rect.right, rect.bottom, rect.area, rect.size) == (6, 8, 20, (4, 5))
    assert rect.shift(1, -1) == Rect(3, 2, 4, 5)
    assert rect.grow(2) == Rect(0, 1, 8, 9)
    assert rect.grow(-3).area == 0
    assert rect.clip(Rect(100, 100, 5, 5)).area == 0
    assert rect.inside(Rect(0, 0, 5, 20)) == Rect(1, 3, 4, 5)
    with pytest.raises(InvalidField):
        Rect(0, 0, -1, 1)


@pytest.mark.parametrize(
    ("working", "wanted"),
    [(192, Size(192, 192)), (200, Size(200, 200)), (Size(96, 160), Size(96, 160))],
)
def test_a_caller_may_choose_the_working_size(working, wanted):
    plan = plan_region(Size(300, 300), native_size=128, multiple=8, working=working)
    assert plan.working == wanted
    assert plan.crop == Rect(0, 0, 300, 300) or plan.working.width != plan.working.height


def test_a_chosen_side_is_rounded_and_the_shape_follows_the_picture():
    plan = plan_region(Size(320, 180), native_size=128, multiple=32, working=250)
    assert max(plan.working) == 256 and plan.working.width > plan.working.height


@pytest.mark.parametrize("working", [Size(100, 128), Size(128, 1024), 4, 1000])
def test_a_working_size_that_the_model_cannot_have_is_refused(working):
    with pytest.raises(InvalidField, match="working_size"):
        plan_region(Size(300, 300), native_size=128, multiple=8, working=working)
