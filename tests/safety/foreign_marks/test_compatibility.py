"""The package reads what we write, our own mark can follow, and nothing is written in part."""

import cv2
import numpy as np
import pytest

from retouch_safety.foreign_marks import find_foreign_marks, write_compatibility_mark
from retouch_safety.foreign_marks.compatibility import package_bits
from retouch_safety.foreign_marks.messages import SDXL
from retouch_safety.tilemark import Claim, Keys, MarkStatus, Payload, detect, embed

SIDE = 320


def everywhere(rgb):
    return np.ones(rgb.shape[:2], bool)


@pytest.fixture(params=["coloured", "drawing", "white", "black", "noise", "odd size"])
def rgb(request, picture, drawing):
    random = np.random.default_rng(0)
    return {
        "coloured": picture(SIDE, SIDE),
        "drawing": drawing(SIDE),
        "white": np.full((SIDE, SIDE, 3), 255, np.uint8),
        "black": np.zeros((SIDE, SIDE, 3), np.uint8),
        "noise": random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8),
        "odd size": picture(263, 301),
    }[request.param]


def test_the_package_reads_it(rgb, read_by_package):
    before = rgb.copy()
    marked = write_compatibility_mark(rgb, everywhere(rgb))
    assert marked.written and marked.note == ""
    assert (read_by_package(marked.pixels, 48) == SDXL.bits).all()
    assert [mark.name for mark in find_foreign_marks(marked.pixels)] == ["sdxl"]
    assert cv2.PSNR(rgb, marked.pixels) > 36
    assert (rgb == before).all()


def test_a_photograph_keeps_its_brightness(astronaut):
    marked = write_compatibility_mark(astronaut, everywhere(astronaut)).pixels
    assert cv2.PSNR(astronaut, marked) > 44
    grey, after = (cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) for rgb in (astronaut, marked))
    assert cv2.PSNR(grey, after) > 50


def test_we_read_as_the_package_does(picture, written_by_package, read_by_package):
    for seed, storage in enumerate(SDXL.storages):
        marked = written_by_package(picture(272, 300, seed), SDXL.bits, storage)
        # where just half of a bit's blocks say 1, the package's rounding errors decide
        assert (package_bits(marked, 48) == read_by_package(marked, 48)).sum() >= 46


def test_our_own_mark_follows_and_both_are_read(picture, read_by_package):
    keys, payload = Keys(3, bytes(range(32)), bytes(range(32, 64))), Payload(3, 0xA5C3963C)
    rgb = picture(384, 384)
    both = embed(
        write_compatibility_mark(rgb, everywhere(rgb)).pixels,
        everywhere(rgb),
        payload,
        keys,
        random=np.random.default_rng(5),
    )
    assert both.status is MarkStatus.EMBEDDED
    (mark,) = detect(both.pixels, [keys.reader()])
    assert mark.claim is Claim.AUTHENTIC and mark.payload == payload
    assert (read_by_package(both.pixels, 48) == SDXL.bits).all()
    assert [found.name for found in find_foreign_marks(both.pixels)] == ["sdxl"]


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda rgb, edited: (rgb[:255], edited[:255]), "256x256"),
        (lambda rgb, edited: (rgb.astype(np.uint16) * 257, edited), "8-bit"),
        (lambda rgb, edited: (rgb.astype(np.float32) / 255, edited), "8-bit"),
        (lambda rgb, edited: (rgb[..., 0], edited), "8-bit"),
        (lambda rgb, edited: (rgb, edited & (np.arange(SIDE) > 0)), "not all"),
        (lambda rgb, edited: (rgb, edited * np.float32(0)), "not all"),
        (lambda rgb, edited: (rgb, edited[1:]), "not all"),
    ],
    ids=["small", "16 bits", "float", "grey", "one column", "nothing", "other shape"],
)
def test_else_the_pixels_are_as_they_were_and_it_says_why(picture, change, reason):
    rgb = picture(SIDE, SIDE)
    pixels, edited = change(rgb, everywhere(rgb))
    before = pixels.tobytes()
    marked = write_compatibility_mark(pixels, edited)
    assert not marked.written and reason in marked.note
    assert marked.pixels is pixels and pixels.tobytes() == before


def test_a_picture_that_does_not_keep_it_is_returned_unchanged(picture, monkeypatch):
    from retouch_safety.foreign_marks import compatibility

    rgb = picture(SIDE, SIDE)
    monkeypatch.setattr(compatibility, "_written", lambda pixels, bits: pixels)
    marked = write_compatibility_mark(rgb, everywhere(rgb))
    assert not marked.written and "read back" in marked.note and marked.pixels is rgb
