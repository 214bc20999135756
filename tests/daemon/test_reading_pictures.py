"""Rows of samples: every layout that a host may hold becomes the same picture."""

import numpy as np
import pytest

from retouch.errors import InvalidField, InvalidImage
from retouch.imaging.region import Rect
from retouch.v1 import image_pb2 as pb
from retouch_daemon.reading.pictures import PictureReader, rect_of

HEIGHT, WIDTH = 5, 7
#: Channel order -> where red, green, blue and alpha lie.
ORDERS = {
    "GRAY": (0, 0, 0),
    "GRAY_ALPHA": (0, 0, 0, 1),
    "RGB": (0, 1, 2),
    "RGBA": (0, 1, 2, 3),
    "BGRA": (2, 1, 0, 3),
}
TYPES = {"UINT8": "<u1", "UINT16": "<u2", "FLOAT16": "<f2", "FLOAT32": "<f4"}
DIGEST = "0f" * 32


def read(data, **fields):
    def fetch(digest):
        return {DIGEST: data}[digest]

    return PictureReader(fetch).image(pb.ImageRef(sha256=DIGEST, **fields), "canvas.source")


def refused(error, path, make, *arguments, **fields):
    with pytest.raises(InvalidField) as caught:
        make(*arguments, **fields)
    assert type(caught.value) is error
    assert caught.value.field == path
    assert caught.value.allowed and caught.value.fix
    return caught.value


def layout(order="RGB", kind="UINT8", **fields):
    size = fields.pop("size", pb.Size(width=WIDTH, height=HEIGHT))
    return pb.RawLayout(
        size=size,
        channel_order=pb.ChannelOrder.Value(f"CHANNEL_ORDER_{order}"),
        sample_type=pb.SampleType.Value(f"SAMPLE_TYPE_{kind}"),
        **fields,
    )


def samples(order, kind, *, white=None, seed=0):
    """H x W x channels of a type, its whole range up to ``white``."""
    dtype = np.dtype(TYPES[kind])
    shape = (HEIGHT, WIDTH, max(ORDERS[order]) + 1)
    values = np.random.default_rng(seed).random(shape)
    if dtype.kind == "f":
        return (values * 3 - 1).astype(dtype)  # also outside 0 to 1
    return np.rint(values * (white or np.iinfo(dtype).max)).astype(dtype)


def rows(values, stride=0):
    """Bytes of rows; what fills the gaps is no picture."""
    packed = values.tobytes()
    length = len(packed) // HEIGHT
    gap = b"\xee" * (max(stride, length) - length)
    return gap.join(packed[i * length : (i + 1) * length] for i in range(HEIGHT))


def white_of(dtype):
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


@pytest.mark.parametrize("gap", [0, 1, 16])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("order", ORDERS)
def test_rows_of_every_order_type_and_stride(order, kind, gap):
    values = samples(order, kind)
    stride = gap and values.strides[0] + gap
    raw = layout(order, kind, row_stride_bytes=stride)
    image = read(rows(values, stride), raw=raw)
    kept = np.float32 if kind.startswith("FLOAT") else np.dtype(TYPES[kind])
    places = ORDERS[order]
    assert image.pixels.dtype == kept and image.icc is None
    assert (image.pixels == values[..., places[:3]].astype(kept)).all()
    if len(places) == 3:
        assert image.alpha is None
    else:
        assert (image.alpha == values[..., places[3]].astype(kept)).all()


@pytest.mark.parametrize("mode", ["UNSPECIFIED", "STRAIGHT", "PREMULTIPLIED"])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("order", ["GRAY_ALPHA", "RGBA", "BGRA"])
def test_alpha_is_straight_afterwards(order, kind, mode):
    values = samples(order, kind)
    values[0, 0, -1], values[0, 1, -1] = 0, white_of(values.dtype)
    raw = layout(order, kind, alpha_mode=pb.AlphaMode.Value(f"ALPHA_MODE_{mode}"))
    image = read(rows(values), raw=raw)
    places, white = ORDERS[order], white_of(values.dtype)
    color, alpha = values[..., places[:3]].astype(float), values[..., places[3]].astype(float)
    if mode == "PREMULTIPLIED":
        share = np.where(alpha > 0, alpha / white, np.inf)[..., None]
        color = color / share
    if values.dtype.kind == "u":
        color = np.rint(np.minimum(color, white))
    np.testing.assert_allclose(image.pixels, color, rtol=1e-6)
    assert (image.alpha == alpha.astype(image.alpha.dtype)).all()


@pytest.mark.parametrize("mode", ["UNSPECIFIED", "STRAIGHT", "PREMULTIPLIED"])
@pytest.mark.parametrize("order", ["GRAY", "RGB"])
def test_without_alpha_its_mode_means_nothing(order, mode):
    values = samples(order, "UINT8")
    raw = layout(order, alpha_mode=pb.AlphaMode.Value(f"ALPHA_MODE_{mode}"))
    assert (read(rows(values), raw=raw).pixels == values[..., ORDERS[order]]).all()


def test_premultiplied_colour_comes_back_as_it_was():
    straight = samples("RGBA", "UINT16", seed=5)
    straight[..., 3] |= 0x8000
    share = straight[..., 3:] / 65535
    held = np.concatenate([np.rint(straight[..., :3] * share), straight[..., 3:]], axis=2)
    raw = layout("RGBA", "UINT16", alpha_mode=pb.ALPHA_MODE_PREMULTIPLIED)
    image = read(rows(held.astype("<u2")), raw=raw)
    assert np.abs(image.pixels.astype(int) - straight[..., :3]).max() <= 1


@pytest.mark.parametrize("mode", [pb.ALPHA_MODE_STRAIGHT, pb.ALPHA_MODE_PREMULTIPLIED])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("kind", "white"),
    [("UINT8", 1), ("UINT8", 100), ("UINT8", 255), ("UINT16", 1023), ("UINT16", 32768)],
)
def test_white_value_becomes_the_types_own_white(kind, white, order, mode):
    values = samples(order, kind, white=white)
    values[..., -1] = white  # opaque where there is alpha
    values[0, 0, 0], values[0, 1, 0] = 0, white
    raw = layout(order, kind, white_value=white, alpha_mode=mode)
    image = read(rows(values), raw=raw)
    largest = np.iinfo(values.dtype).max
    wanted = np.rint(values[..., ORDERS[order][:3]] * (largest / white))
    assert image.pixels.dtype == values.dtype
    assert (image.pixels == wanted).all()
    assert image.alpha is None or (image.alpha == largest).all()


def test_samples_above_the_white_value_are_white():
    values = np.full((HEIGHT, WIDTH, 1), 40_000, "<u2")
    raw = layout("GRAY", "UINT16", white_value=32768)
    assert (read(rows(values), raw=raw).pixels == 65535).all()


@pytest.mark.parametrize(
    ("kind", "white"), [("UINT8", 256), ("UINT16", 65536), ("FLOAT16", 1), ("FLOAT32", 255)]
)
def test_a_white_value_beyond_the_type_is_refused(kind, white):
    data = rows(samples("RGB", kind))
    raw = layout("RGB", kind, white_value=white)
    error = refused(InvalidField, "canvas.source.raw.white_value", read, data, raw=raw)
    assert error.value == white


@pytest.mark.parametrize(
    ("field", "number"),
    [
        *(("channel_order", 0), ("channel_order", 6), ("sample_type", 0), ("sample_type", 5)),
        *(("alpha_mode", 3), ("alpha_mode", -1)),
    ],
)
def test_an_unknown_or_missing_layout_is_refused(field, number):
    raw = layout("RGBA")
    setattr(raw, field, number)
    data = rows(samples("RGBA", "UINT8"))
    error = refused(InvalidField, f"canvas.source.raw.{field}", read, data, raw=raw)
    assert error.value == number and field.upper() in error.allowed


@pytest.mark.parametrize(
    ("width", "height"), [(0, 5), (5, 0), (0, 0), (2**32 - 1, 2**32 - 1), (64_000_001, 1)]
)
def test_an_impossible_size_is_refused(width, height):
    raw = layout(size=pb.Size(width=width, height=height))
    refused(InvalidImage, "canvas.source.raw.size", read, b"\0" * 64, raw=raw)
    refused(InvalidImage, "canvas.source.raw.size", read, b"", raw=layout(size=pb.Size()))


@pytest.mark.parametrize(
    ("cut", "stride"), [(1, 0), (HEIGHT * WIDTH * 3, 0), (0, WIDTH * 3 - 1), (0, 2**32 - 1)]
)
def test_too_few_bytes_or_too_short_rows_are_refused(cut, stride):
    data = rows(samples("RGB", "UINT8"))
    raw = layout(row_stride_bytes=stride)
    refused(InvalidImage, "canvas.source.raw", read, data[: len(data) - cut], raw=raw)


def test_the_last_row_needs_no_gap():
    values = samples("RGB", "UINT8")
    raw = layout(row_stride_bytes=64)
    held = rows(values, 64)
    for data in (held, held + b"\xee" * (64 - WIDTH * 3)):
        assert (read(data, raw=raw).pixels == values).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("kind", "place"), [("FLOAT16", 0), ("FLOAT32", 0), ("FLOAT32", 3)])
def test_samples_that_are_not_finite_are_refused(kind, place, bad):
    values = samples("RGBA", kind)
    values[2, 3, place] = bad
    refused(InvalidImage, "canvas.source", read, rows(values), raw=layout("RGBA", kind))


def test_rectangles_keep_their_place_and_are_never_empty():
    assert rect_of(pb.Rect(x=-3, y=2, width=4, height=5), "r") == Rect(-3, 2, 4, 5)
    for width, height in ((0, 5), (5, 0), (0, 0)):
        refused(InvalidField, "r", rect_of, pb.Rect(x=1, width=width, height=height), "r")
