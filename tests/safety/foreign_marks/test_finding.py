"""Marks that the package wrote are found as what they are; nothing is found where there is none."""

import cv2
import numpy as np
import pytest

from retouch_safety.errors import InvalidInput
from retouch_safety.foreign_marks import find_foreign_marks
from retouch_safety.foreign_marks.messages import MESSAGES, SDXL, Storage

WRITTEN = [
    pytest.param(message, storage, id=f"{message.name}-{storage.floats}-{storage.exchanged}")
    for message in MESSAGES
    for storage in message.storages
]
FLOATS = Storage(floats=True)


def coded(rgb, quality):
    _, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize("message, storage", WRITTEN)
def test_what_a_program_wrote_is_found_and_named(picture, written_by_package, message, storage):
    marked = written_by_package(picture(380, 427), message.bits, storage)
    (mark,) = find_foreign_marks(marked)
    assert (mark.name, mark.length, mark.cropped) == (message.name, message.bits.size, False)
    assert mark.matching >= 0.97 * mark.length
    assert mark.false_accept < 1e-6
    assert mark.message == message.hexadecimal


def test_it_is_found_where_the_package_itself_reads_nothing(
    drawing, written_by_package, read_by_package
):
    marked = written_by_package(drawing(384), SDXL.bits, FLOATS)
    assert (read_by_package(marked, 48) == SDXL.bits).sum() < 35
    assert [mark.name for mark in find_foreign_marks(marked)] == ["sdxl"]


@pytest.mark.parametrize(
    "attack",
    [
        lambda rgb: coded(rgb, 95),
        lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 1),
        lambda rgb: cv2.resize(
            cv2.resize(rgb, None, fx=2, fy=2), rgb.shape[1::-1], interpolation=3
        ),
        lambda rgb: np.clip(rgb + np.random.default_rng(0).normal(0, 3, rgb.shape), 0, 255).astype(
            np.uint8
        ),
    ],
    ids=["JPEG 95", "blur", "2x and back", "noise"],
)
def test_it_survives_little_harm(photograph, written_by_package, attack):
    marked = written_by_package(photograph("chelsea.png"), SDXL.bits, FLOATS)
    assert [mark.name for mark in find_foreign_marks(attack(marked))] == ["sdxl"]


@pytest.mark.parametrize("top, left, height, width", [(37, 91, 300, 321), (8, 0, 390, 400)])
@pytest.mark.parametrize("exchanged", [False, True])
def test_a_cropped_mark_is_found_when_asked_for(
    picture, written_by_package, top, left, height, width, exchanged
):
    marked = written_by_package(picture(400, 430), SDXL.bits, Storage(True, exchanged))
    part = marked[top : top + height, left : left + width]
    assert find_foreign_marks(part) == ()
    (mark,) = find_foreign_marks(part, cropped=True)
    assert mark.name == "sdxl" and mark.cropped and mark.false_accept < 1e-6


def test_any_depth_can_be_read(picture, written_by_package):
    marked = written_by_package(picture(300, 300), SDXL.bits, FLOATS)
    deep = marked.astype(np.uint16) * 257
    fine = marked.astype(np.float32) / 255
    fine[5, 5] = np.nan
    for pixels in (deep, fine):
        assert [mark.name for mark in find_foreign_marks(pixels)] == ["sdxl"]


@pytest.mark.parametrize("shape", [(1, 1), (0, 9), (255, 255), (7, 20000), (1, 70000), (256, 255)])
def test_what_is_too_small_holds_nothing(shape):
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert find_foreign_marks(rgb, cropped=True) == ()


@pytest.mark.parametrize(
    "pixels, field",
    [
        (np.zeros((300, 300), np.uint8), "shape"),
        (np.zeros((300, 300, 4), np.uint8), "shape"),
        (np.zeros((300, 300, 3), np.float64), "dtype"),
    ],
)
def test_wrong_input_is_named(pixels, field):
    with pytest.raises(InvalidInput, match=field):
        find_foreign_marks(pixels)


def test_clean_pictures_hold_nothing(picture, drawing):
    for seed in range(60):
        assert find_foreign_marks(picture(256, 288, 100 + seed)) == ()
    for seed in range(8):
        assert find_foreign_marks(picture(256, 256, seed), cropped=True) == ()
        assert find_foreign_marks(drawing(256, seed), cropped=True) == ()


@pytest.mark.parametrize("value", [0, 77, 255])
def test_flat_pictures_hold_nothing(value):
    assert find_foreign_marks(np.full((300, 333, 3), value, np.uint8), cropped=True) == ()


def test_wallpaper_is_no_text(picture):
    """What repeats every eight blocks reads as one byte again and again, as text nearly does."""
    for seed in range(40):
        random = np.random.default_rng(seed)
        blocks = random.integers(0, 256, (1, 8, 3), dtype=np.uint8)
        cell = blocks.repeat(8, axis=0).repeat(8, axis=1)
        assert find_foreign_marks(np.tile(cell, (36, 5, 1))) == ()


def test_another_message_is_not_taken_for_a_known_one(picture, written_by_package):
    for seed in range(4):
        bits = np.random.default_rng(seed).integers(0, 2, 48)
        marked = written_by_package(picture(280, 280, seed), bits, FLOATS)
        assert find_foreign_marks(marked, cropped=True) == ()


def test_six_wrong_bits_are_too_many(picture, written_by_package):
    for wrong, names in ((5, ["sdxl"]), (6, [])):
        bits = SDXL.bits.copy()
        bits[3 : 3 + 7 * wrong : 7] ^= True
        marked = written_by_package(picture(320, 320), bits, FLOATS)
        assert [mark.name for mark in find_foreign_marks(marked)] == names
