"""The mark: read back on photographs, by us and by the package whose layout it is."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from retouch_safety import Box, MarkStatus, new_record_id, read_mark
from retouch_safety.watermark import mark

RECORD = 0x9A3C56E1
EVERYWHERE = np.ones


def as_depth(rgb, depth):
    if depth == "uint8":
        return rgb
    if depth == "uint16":  # fine values that 8 bits do not have
        return rgb.astype(np.uint16) * 257 - (rgb > 100) * np.uint16(61)
    return (rgb.astype(np.float32) / np.float32(255) + np.float32(0.0007)).astype(np.float32)


def read_by_package(rgb):
    pytest.importorskip("torch")  # the package imports it
    from imwatermark import WatermarkDecoder

    bgr = np.ascontiguousarray(rgb[..., ::-1])
    bits = WatermarkDecoder("bits", 32).decode(bgr, "dwtDctSvd")
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def psnr(first, second):
    return 10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2))


def ellipse(height, width):
    y, x = np.mgrid[:height, :width]
    return ((2 * y / height - 1) ** 2 + (2 * x / width - 1) ** 2) < 0.95


def test_every_photograph_carries_it(photograph, photograph_name):
    rgb = photograph(photograph_name)
    if rgb.shape[0] * rgb.shape[1] < 256 * 256:
        pytest.skip("too small")
    marked = mark(rgb, np.ones(rgb.shape[:2], bool), RECORD)
    assert marked.status is MarkStatus.EMBEDDED, marked.note
    assert read_mark(marked.pixels).record == RECORD
    assert psnr(marked.pixels, rgb) > 43
    stream = io.BytesIO()
    Pillow.fromarray(marked.pixels).save(stream, "JPEG", quality=95, subsampling=0)
    assert read_mark(np.asarray(Pillow.open(stream))).record == RECORD


@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "camera.png"])
def test_the_package_reads_it(photograph, name):
    rgb = photograph(name)
    marked = mark(rgb, np.ones(rgb.shape[:2], bool), RECORD)
    assert read_by_package(marked.pixels) == RECORD


def test_we_read_what_the_package_writes(astronaut):
    pytest.importorskip("torch")
    from imwatermark import WatermarkEncoder

    encoder = WatermarkEncoder()
    encoder.set_watermark("bits", [int(b) for b in f"{RECORD:032b}"])
    bgr = encoder.encode(np.ascontiguousarray(astronaut[..., ::-1]), "dwtDctSvd")
    assert read_mark(bgr[..., ::-1]).record == RECORD


@pytest.mark.parametrize("depth", ["uint8", "uint16", "float32"])
def test_outside_the_edit_is_bit_identical(astronaut, depth):
    pixels = as_depth(astronaut, depth)
    edited = np.zeros((512, 512), bool)
    edited[100:420, 61:441] = ellipse(320, 380)
    marked = mark(pixels, edited, RECORD)
    assert marked.status is MarkStatus.EMBEDDED
    assert marked.pixels.dtype == pixels.dtype
    assert marked.pixels[~edited].tobytes() == pixels[~edited].tobytes()
    assert read_mark(marked.pixels, marked.area).record == RECORD
    assert read_by_package((as8 := to8(marked.pixels))[marked.area.slices]) == RECORD, as8.shape


def to8(pixels):
    if pixels.dtype == np.uint16:
        return (pixels >> 8).astype(np.uint8)
    if pixels.dtype == np.float32:
        return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    return pixels


@settings(max_examples=12, deadline=None, database=None, derandomize=True)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["uint8", "uint16", "float32"]),
    st.sampled_from(["noise", "flat", "black", "white"]),
)
def test_random_masks_never_touch_the_outside(seed, depth, content):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(200, 300)), int(rng.integers(200, 420)), 3)
    base = {"flat": rng.integers(0, 256), "black": 0, "white": 255}.get(content, 0)
    rgb = np.full(shape, base, np.uint8)
    if content == "noise":
        rgb = rng.integers(0, 256, shape, dtype=np.uint8)
    pixels = as_depth(rgb, depth)
    edited = rng.random(shape[:2]) < rng.random()
    edited[: shape[0] // 2] |= rng.random() < 0.7
    marked = mark(pixels, edited, int(rng.integers(2**32)))
    assert marked.pixels[~edited].tobytes() == pixels[~edited].tobytes()
    if marked.status is MarkStatus.METADATA_ONLY:
        assert marked.note and marked.pixels.tobytes() == pixels.tobytes()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_carry_it_too(value):
    marked = mark(np.full((256, 256, 3), value, np.uint8), np.ones((256, 256), bool), RECORD)
    assert marked.status is MarkStatus.EMBEDDED
    assert read_mark(marked.pixels).record == RECORD


def test_what_cannot_be_marked_says_why(astronaut):
    small = mark(astronaut[:255, :256], np.ones((255, 256), bool), RECORD)
    assert small.status is MarkStatus.METADATA_ONLY and "65536" in small.note
    nothing = mark(astronaut, np.zeros((512, 512), bool), RECORD)
    assert nothing.status is MarkStatus.METADATA_ONLY and nothing.area is None
    assert nothing.pixels.tobytes() == astronaut.tobytes()
    dots = np.zeros((512, 512), bool)
    dots[::7, ::7] = True  # no whole block anywhere
    assert "read back" in mark(astronaut, dots, RECORD).note
    line = mark(np.zeros((4, 20000, 3), np.uint8), np.ones((4, 20000), bool), RECORD)
    assert line.status is MarkStatus.METADATA_ONLY and line.note


def test_reading_an_unmarked_photograph_finds_no_agreement(astronaut):
    assert read_mark(astronaut).agreement < 0.5
    marked = mark(astronaut, np.ones((512, 512), bool), RECORD)
    assert read_mark(marked.pixels).agreement > 0.95
    with pytest.raises(ValueError, match="at least"):
        read_mark(astronaut, Box(0, 0, 100, 100))


def test_record_ids_are_balanced_and_differ():
    ids = {new_record_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(8 <= record.bit_count() <= 24 for record in ids)
    with pytest.raises(ValueError):
        mark(np.zeros((256, 256, 3), np.uint8), np.ones((256, 256), bool), 1 << 32)


def test_a_mask_with_holes_cannot_strip_the_mark():
    picture = np.random.default_rng(3).integers(40, 215, (320, 320, 3), np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 3)
    edited = np.ones((320, 320), bool)
    edited[::8, ::8] = False
    marked = mark(picture, edited, 0x5A3C96E1)
    assert marked.status is MarkStatus.EMBEDDED
    assert (marked.pixels[~edited] == picture[~edited]).all()
    assert read_mark(marked.pixels, marked.area).record == 0x5A3C96E1
