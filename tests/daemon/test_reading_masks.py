"""Masks of a request: what is edited is what the host meant, to the pixel and the strength."""

import time

import numpy as np
import pytest

from retouch.errors import InvalidField, InvalidImage
from retouch.imaging.region import Size
from retouch.v1 import image_pb2, mask_pb2
from retouch_daemon.reading.pictures import PictureReader

WHITE, BLACK = mask_pb2.MASK_POLARITY_EDIT_WHITE, mask_pb2.MASK_POLARITY_EDIT_BLACK
CANVAS = Size(9, 6)
SOFT = np.linspace(0, 255, 54).round().astype(np.uint8).reshape(6, 9)
ORDERS = {
    1: image_pb2.CHANNEL_ORDER_GRAY,
    2: image_pb2.CHANNEL_ORDER_GRAY_ALPHA,
    3: image_pb2.CHANNEL_ORDER_RGB,
    4: image_pb2.CHANNEL_ORDER_RGBA,
}
TYPES = {
    "uint8": image_pb2.SAMPLE_TYPE_UINT8,
    "uint16": image_pb2.SAMPLE_TYPE_UINT16,
    "float16": image_pb2.SAMPLE_TYPE_FLOAT16,
    "float32": image_pb2.SAMPLE_TYPE_FLOAT32,
}


def picture(array):
    """A reference to the rows of an H x W (x channels) array, and the rows."""
    array = array if array.ndim == 3 else array[..., None]
    height, width, channels = array.shape
    raw = image_pb2.RawLayout(
        size=image_pb2.Size(width=width, height=height),
        channel_order=ORDERS[channels],
        sample_type=TYPES[array.dtype.name],
    )
    return image_pb2.ImageRef(sha256="0f" * 32, raw=raw), array.tobytes()


def message(array, polarity=WHITE, **fields):
    ref, data = picture(array)
    return mask_pb2.Mask(image=ref, polarity=polarity, **fields), data


def strength(array, polarity=WHITE, canvas=CANVAS, **fields):
    mask, data = message(array, polarity, **fields)
    found = PictureReader(lambda digest: data).mask(mask, canvas, "mask").strength
    assert found.shape == (canvas.height, canvas.width) and found.dtype == np.float32
    return found


def refused(path, *arguments, error=InvalidField, **fields):
    with pytest.raises(InvalidField) as caught:
        strength(*arguments, **fields)
    assert type(caught.value) is error and caught.value.field == path
    assert caught.value.allowed and caught.value.fix


def square(left, top, right, bottom, size=(60, 80), value=1.0):
    found = np.zeros(size, np.float32)
    found[top:bottom, left:right] = value
    return found


# --- polarity and strengths --------------------------------------------------------------------


def test_white_or_black_is_edited_as_the_polarity_says():
    assert (strength(SOFT) == SOFT / np.float32(255)).all()
    assert (strength(SOFT, BLACK) == 1 - SOFT / np.float32(255)).all()


@pytest.mark.parametrize("polarity", [0, 3, -1])
def test_a_polarity_that_is_missing_or_unknown_is_refused(polarity):
    refused("mask.polarity", SOFT, polarity)


@pytest.mark.parametrize("kind", TYPES)
def test_soft_values_are_kept_at_every_depth(kind):
    if kind.startswith("float"):
        values, wanted = (SOFT / 255).astype(kind), (SOFT / 255).astype(kind)
    else:
        largest = np.iinfo(kind).max
        values = (SOFT.astype(np.uint32) * largest // 255 - (SOFT > 99)).astype(kind)
        wanted = values / np.float32(largest)
    found = strength(values)
    assert (found == wanted.astype(np.float32)).all()
    assert found[0, 0] == 0 and strength(np.full((6, 9), values.max()))[0, 0] == found.max()


def test_neighbouring_16_bit_strengths_stay_different():
    values = np.arange(20_000, 20_054, dtype=np.uint16).reshape(6, 9)
    assert len(np.unique(strength(values))) == values.size


def test_white_is_exactly_one_in_every_depth_and_with_three_channels():
    for kind in TYPES:
        white = 1 if kind.startswith("float") else np.iinfo(kind).max
        for shape in ((6, 9), (6, 9, 3)):
            assert (strength(np.full(shape, white, kind)) == 1).all()
            assert (strength(np.full(shape, white, kind), BLACK) == 0).all()


def test_floats_outside_0_to_1_are_clipped():
    values = np.full((6, 9), 3, np.float32)
    values[:3] = -2
    assert (strength(values)[:3] == 0).all() and (strength(values)[3:] == 1).all()
    assert (strength(values, BLACK)[:3] == 1).all() and (strength(values, BLACK)[3:] == 0).all()


@pytest.mark.parametrize(("channel", "share"), [(0, 0.299), (1, 0.587), (2, 0.114)])
def test_of_colour_the_luminance_is_used(channel, share):
    values = np.zeros((6, 9, 3), np.uint8)
    values[..., channel] = 255
    np.testing.assert_allclose(strength(values), share, atol=1e-6)


@pytest.mark.parametrize("polarity", [WHITE, BLACK])
def test_where_a_mask_is_transparent_nothing_is_edited(polarity):
    values = np.zeros((6, 9, 4), np.uint8)
    values[..., :3] = 255 if polarity == WHITE else 0
    values[2:4, 3:6, 3] = 255
    values[4, :, 3] = 51
    found = strength(values, polarity)
    assert (found[2:4, 3:6] == 1).all() and np.allclose(found[4], 0.2)
    assert found.sum() == pytest.approx(6 + 9 * 0.2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_strength_that_is_not_finite_is_refused(bad):
    values = np.zeros((6, 9), np.float32)
    values[1, 1] = bad
    refused("mask.image", values, error=InvalidImage)


# --- place -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(9, 6), (6, 8), (7, 9), (1, 1)])
def test_without_bounds_a_mask_has_the_canvas_size(shape):
    refused("mask.image.size", np.zeros(shape, np.uint8), error=InvalidImage)


@pytest.mark.parametrize(
    ("x", "y"),
    [(2, 1), (0, 0), (5, 3), (-2, -1), (7, 4), (-3, 2), (4, -2), (-4, 0), (9, 0), (0, 6), (-99, 5)],
)
def test_bounds_place_a_mask_inside_over_the_edge_or_outside(x, y):
    values = SOFT[:3, :4] + np.uint8(100)
    wanted = np.zeros((6, 9), np.float32)
    for row in range(3):
        for column in range(4):
            if 0 <= y + row < 6 and 0 <= x + column < 9:
                wanted[y + row, x + column] = values[row, column] / np.float32(255)
    bounds = image_pb2.Rect(x=x, y=y, width=4, height=3)
    assert (strength(values, bounds=bounds) == wanted).all()


def test_outside_its_bounds_nothing_is_edited_whatever_black_means():
    bounds = image_pb2.Rect(x=3, y=2, width=2, height=2)
    found = strength(np.zeros((2, 2), np.uint8), BLACK, bounds=bounds)
    assert found[2:4, 3:5].sum() == 4 and found.sum() == 4


def test_a_mask_larger_than_the_canvas_is_cut():
    values = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)
    found = strength(values, bounds=image_pb2.Rect(x=-5, y=-7, width=30, height=20))
    assert (found == values[7:13, 5:14] / np.float32(65535)).all()


@pytest.mark.parametrize(
    ("width", "height"), [(4, 2), (3, 3), (8, 6), (0, 0), (4, 0), (2**32 - 1, 2**32 - 1)]
)
def test_bounds_of_another_size_than_the_mask_are_refused(width, height):
    bounds = image_pb2.Rect(x=1, y=1, width=width, height=height)
    refused("mask.bounds", SOFT[:3, :4], bounds=bounds)


# --- grow and feather --------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["grow_px", "feather_px"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 4097.0, -1024.5, 1e300])
def test_growth_and_feather_out_of_range_are_refused(field, value):
    refused(f"mask.{field}", SOFT, **{field: value})


@pytest.mark.parametrize(
    "fields", [{"grow_px": 1024.1}, {"grow_px": -1024.1}, {"feather_px": -0.1}]
)
def test_growth_and_feather_just_out_of_range_are_refused(fields):
    refused(f"mask.{next(iter(fields))}", SOFT, **fields)


@pytest.mark.parametrize("fields", [{"feather_px": 4096}, {"feather_px": 0}, {"grow_px": 0}])
def test_growth_of_nothing_and_a_later_feather_change_no_strength(fields):
    assert (strength(SOFT, **fields) == SOFT / np.float32(255)).all()


@pytest.mark.parametrize("by", [-10, -3, 1, 4, 12])
def test_a_mask_grows_and_shrinks_by_a_distance(by):
    size = Size(80, 60)
    found = strength(square(30, 20, 55, 44), canvas=size, grow_px=by)
    rows, columns = np.nonzero(found)
    assert (columns.min(), columns.max()) == (30 - by, 54 + by)
    assert (rows.min(), rows.max()) == (20 - by, 43 + by)
    assert set(np.unique(found)) == {0.0, 1.0}
    if by > 1:  # round corners: nothing farther away than asked for
        assert found[20 - by, 30 - by] == 0 and found[20 - by, 30] == 1


def test_growth_keeps_soft_values_and_shrinking_only_removes():
    values = square(30, 20, 55, 44, value=0.25)
    grown = strength(values, canvas=Size(80, 60), grow_px=5)
    assert set(np.unique(grown)) == {0.0, 0.25}
    soft = strength(SOFT, grow_px=-1)
    assert ((soft == 0) | (soft == SOFT / np.float32(255))).all()


def test_a_mask_can_shrink_to_nothing_and_an_empty_one_does_not_grow():
    assert not strength(square(30, 20, 55, 44), canvas=Size(80, 60), grow_px=-1024).any()
    assert not strength(np.zeros((6, 9), np.uint8), grow_px=1024).any()


def test_the_largest_growth_takes_no_minutes():
    values = np.zeros((400, 400), np.uint8)
    values[200, 200] = 255
    began = time.process_time()
    assert strength(values, canvas=Size(400, 400), grow_px=1024).all()
    assert time.process_time() - began < 5


# --- regions of operations ---------------------------------------------------------------------


def region(shape, data=b""):
    return PictureReader(lambda digest: data).region(shape, CANVAS, "operations[0].region")


@pytest.mark.parametrize(
    ("x", "y", "inside"), [(2, 1, 6), (-1, -1, 2), (8, 5, 1), (50, 0, 0), (-50, -50, 0)]
)
def test_a_rectangle_is_a_region_at_full_strength(x, y, inside):
    shape = mask_pb2.Region(rect=image_pb2.Rect(x=x, y=y, width=3, height=2))
    found = region(shape).strength
    assert found.shape == (6, 9) and found.sum() == inside == np.count_nonzero(found)


def test_a_mask_is_a_region_at_its_strengths():
    mask, data = message(SOFT, BLACK)
    found = region(mask_pb2.Region(mask=mask), data).strength
    assert (found == 1 - SOFT / np.float32(255)).all()


@pytest.mark.parametrize(
    ("shape", "path"),
    [
        (mask_pb2.Region(), "rect"),
        (mask_pb2.Region(rect=image_pb2.Rect(width=3)), "rect"),
        (mask_pb2.Region(mask=message(SOFT, 0)[0]), "mask.polarity"),
        (mask_pb2.Region(mask=message(SOFT, grow_px=2000)[0]), "mask.grow_px"),
        (mask_pb2.Region(mask=message(SOFT, feather_px=1)[0]), "mask.feather_px"),
        (mask_pb2.Region(mask=message(SOFT, feather_px=np.nan)[0]), "mask.feather_px"),
    ],
)
def test_a_region_that_is_no_place_is_refused(shape, path):
    with pytest.raises(InvalidField) as caught:
        region(shape, SOFT.tobytes())
    assert caught.value.field == f"operations[0].region.{path}"
