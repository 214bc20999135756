"""Rows of bytes do what numpy does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch_bridge.plugin_kit.geometry import Rect
from retouch_bridge.plugin_kit.pixel_rows import (
    alpha_bytes,
    cut,
    expansion_mask,
    extended,
    opaque,
    rectangle_mask,
    scaled,
    to_8bit,
    to_half,
)

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
AREAS = st.builds(
    Rect, st.integers(-20, 8), st.integers(-20, 8), st.integers(1, 30), st.integers(1, 30)
)
PIXEL_BYTES = st.sampled_from([1, 2, 3, 4, 6, 8, 16])
DTYPES = {"UINT8": "<u1", "UINT16": "<u2", "FLOAT16": "<f2", "FLOAT32": "<f4"}


def picture(size, pixel_bytes):
    width, height = size
    seed = np.random.default_rng(width * 100 + height * 10 + pixel_bytes)
    return seed.integers(0, 256, (height, width, pixel_bytes), dtype=np.uint8)


@given(SIZES, AREAS, PIXEL_BYTES)
def test_a_picture_is_mirrored_beyond_its_edges(size, area, pixel_bytes):
    given_ = picture(size, pixel_bytes)
    found = extended(given_.tobytes(), size, area, pixel_bytes)
    tall = np.concatenate([given_, given_[::-1]])
    tile = np.concatenate([tall, tall[:, ::-1]], axis=1)
    rows = np.arange(area.y, area.bottom) % (2 * size[1])
    columns = np.arange(area.x, area.right) % (2 * size[0])
    assert found == tile[rows][:, columns].tobytes()


@given(SIZES, st.data(), PIXEL_BYTES)
def test_an_area_is_cut_out(size, data, pixel_bytes):
    x, y = data.draw(st.integers(0, size[0] - 1)), data.draw(st.integers(0, size[1] - 1))
    area = Rect(
        x, y, data.draw(st.integers(1, size[0] - x)), data.draw(st.integers(1, size[1] - y))
    )
    given_ = picture(size, pixel_bytes)
    wanted = given_[area.y : area.bottom, area.x : area.right].tobytes()
    assert cut(given_.tobytes(), size, area, pixel_bytes) == wanted
    assert extended(given_.tobytes(), size, area, pixel_bytes) == wanted


@given(SIZES, AREAS)
def test_masks_of_rectangles_of_odd_sizes(size, rect):
    width, height = size
    wanted = np.zeros((height, width), np.uint8)
    wanted[max(rect.y, 0) : max(rect.bottom, 0), max(rect.x, 0) : max(rect.right, 0)] = 255
    assert rectangle_mask(size, rect) == wanted.tobytes()
    assert expansion_mask(size, rect) == (255 - wanted).tobytes()


@given(SIZES, SIZES, PIXEL_BYTES)
def test_scaling_takes_the_nearest_pixel(size, wanted, pixel_bytes):
    given_ = picture(size, pixel_bytes)
    found = scaled(given_.tobytes(), size, wanted, pixel_bytes)
    rows = ((np.arange(wanted[1]) + 0.5) * size[1] / wanted[1]).astype(int)
    columns = ((np.arange(wanted[0]) + 0.5) * size[0] / wanted[0]).astype(int)
    assert found == given_[rows][:, columns].tobytes()


@pytest.mark.parametrize("sample_type", DTYPES)
def test_alpha_is_made_full_and_read_as_bytes(sample_type):
    kind = np.dtype(DTYPES[sample_type])
    white = 1.0 if kind.kind == "f" else np.iinfo(kind).max
    levels = np.linspace(0, 1, 5 * 7 * 4).reshape(5, 7, 4) * white
    pixels = levels.astype(kind)
    full = pixels.copy()
    full[..., 3] = kind.type(white)
    assert opaque(pixels.tobytes(), sample_type) == full.tobytes()
    found = np.frombuffer(alpha_bytes(pixels.tobytes(), sample_type), np.uint8)
    wanted = pixels[..., 3].astype(np.float64).ravel() / white * 255
    assert np.abs(found - wanted).max() <= 1
    assert np.all(np.frombuffer(alpha_bytes(full.tobytes(), sample_type), np.uint8) == 255)


def test_samples_become_bytes():
    single = np.array([-1, 0, 0.5, 1, 7, np.nan, np.inf], np.float32)
    assert list(to_8bit(single.tobytes(), "FLOAT32")) == [0, 0, 128, 255, 255, 0, 255]
    assert list(to_8bit(single.astype("<f2").tobytes(), "FLOAT16")) == [0, 0, 128, 255, 255, 0, 255]
    assert to_8bit(b"\x01\x02", "UINT8") == b"\x01\x02"
    assert list(to_8bit(np.array([0, 65535, 257 * 3], "<u2").tobytes(), "UINT16")) == [0, 255, 3]


def test_single_precision_becomes_half():
    single = np.concatenate([np.linspace(-3, 3, 70_001), [1e9, -1e9]]).astype("<f4")
    wanted = np.clip(single, -65504, 65504).astype("<f2")
    assert to_half(single.tobytes()) == wanted.tobytes()
