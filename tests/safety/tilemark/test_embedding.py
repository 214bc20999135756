"""What is written, and above all what is not: outside the mask every bit stays."""

import numpy as np
import pytest

from retouch_safety.tilemark import (
    Claim,
    InvalidMarkRequest,
    Keys,
    MarkStatus,
    Payload,
    detect,
    embed,
    embed_surviving,
)
from retouch_safety.tilemark.robustness import ORDINARY, SMALL, Limits, halved


def everywhere(side):
    return np.ones((side, side), bool)


def as_depth(rgb, depth):
    if depth == "uint8":
        return rgb
    if depth == "uint16":  # fine values that 8 bits do not have
        return rgb.astype(np.uint16) * 257 - (rgb > 100) * np.uint16(61)
    return (rgb.astype(np.float32) / np.float32(255) + np.float32(0.0007)).astype(np.float32)


def only_record(pixels, keys):
    (mark,) = detect(pixels, [keys.reader()])
    assert mark.claim is Claim.AUTHENTIC
    return mark.payload.record


@pytest.mark.parametrize("depth", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("grey", [False, True])
def test_outside_the_mask_and_in_clear_pixels_every_bit_stays(keys, payload, picture, depth, grey):
    pixels = as_depth(picture(320), depth)
    pixels = np.ascontiguousarray(pixels[..., 0]) if grey else pixels
    y, x = np.mgrid[:320, :320]
    edited = np.clip((150 - np.hypot(y - 160, x - 165)) / 20, 0, 1).astype(np.float32)
    alpha = np.full((320, 320), np.iinfo(pixels.dtype).max if depth != "float32" else 1)
    alpha = alpha.astype(pixels.dtype)
    alpha[140:180, 100:230] = 0
    before, marked = pixels.tobytes(), embed(pixels, edited, payload, keys, 2, alpha=alpha)
    assert marked.status is MarkStatus.EMBEDDED, marked.note
    assert marked.pixels.dtype == pixels.dtype and pixels.tobytes() == before
    kept = (edited == 0) | (alpha == 0)
    assert marked.pixels[kept].tobytes() == pixels[kept].tobytes()
    assert (marked.pixels[~kept] != pixels[~kept]).any()
    assert only_record(marked.pixels, keys) == payload.record


def test_random_masks_never_let_anything_out(keys, payload):
    random = np.random.default_rng(0)
    for _ in range(6):
        shape = tuple(int(side) for side in random.integers(128, 200, 2))
        pixels = random.integers(0, 256, (*shape, 3), dtype=np.uint8)
        edited = random.random(shape) < random.random()
        marked = embed(pixels, edited, payload, keys, 4, random=random)
        assert marked.pixels[~edited].tobytes() == pixels[~edited].tobytes()
        if marked.status is MarkStatus.METADATA_ONLY:
            assert marked.note and marked.pixels is pixels and marked.region is None


def test_deep_pixels_read_after_rounding_to_eight_bits(keys, payload, picture):
    marked = embed(as_depth(picture(256), "uint16"), everywhere(256), payload, keys, 1.5)
    assert only_record((marked.pixels >> 8).astype(np.uint8), keys) == payload.record


def test_the_same_seed_gives_the_same_bits_and_another_one_another_place(keys, payload, picture):
    def marked(seed):
        random = np.random.default_rng(seed)
        return embed(picture(256), everywhere(256), payload, keys, 1.5, random=random).pixels

    assert marked(1).tobytes() == marked(1).tobytes()
    assert marked(1).tobytes() != marked(2).tobytes()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_are_marked_or_say_why(keys, payload, value):
    flat = np.full((256, 256, 3), value, np.uint8)
    marked = embed(flat, everywhere(256), payload, keys, 0.05)
    assert marked.status is MarkStatus.METADATA_ONLY and "too flat" in marked.note
    strong = embed(flat, everywhere(256), payload, keys, 2)
    assert strong.status is MarkStatus.EMBEDDED, strong.note


def test_what_is_too_small_says_so(keys, payload, picture):
    small = picture(127)
    marked = embed(small, everywhere(127), payload, keys)
    assert marked.status is MarkStatus.METADATA_ONLY and "127x127" in marked.note
    assert marked.pixels is small
    nothing = embed(picture(256), np.zeros((256, 256)), payload, keys)
    assert nothing.note == "nothing was edited"


def test_the_closed_loop_keeps_to_its_limits_and_writes_no_more_than_needed(keys, payload, picture):
    rgb, random = picture(320), np.random.default_rng
    kept = embed_surviving(rgb, everywhere(320), payload, keys, losses=(), random=random(1))
    safe = embed_surviving(rgb, everywhere(320), payload, keys, random=random(1))
    assert kept.status is safe.status is MarkStatus.EMBEDDED
    assert kept.strength < safe.strength  # nothing to survive: the faintest
    error = np.mean((safe.pixels.astype(float) - rgb) ** 2)
    assert 10 * np.log10(255**2 / error) >= SMALL.psnr
    lossy = halved(safe.pixels[..., 1].astype(np.float32)).astype(np.uint8)
    assert only_record(lossy, keys) == payload.record


def test_limits_that_cannot_be_kept_leave_the_picture_alone(keys, payload, picture):
    rgb = picture(256)
    limits = Limits(psnr=90, ssim=ORDINARY.ssim)
    marked = embed_surviving(rgb, everywhere(256), payload, keys, limits=limits)
    assert marked.status is MarkStatus.METADATA_ONLY and "90 dB" in marked.note
    assert marked.pixels is rgb


@pytest.mark.parametrize(
    "change, message",
    [
        ({"pixels": np.zeros((256, 256, 4), np.uint8)}, "pixels.shape.*alpha is an argument"),
        ({"pixels": np.zeros((256, 256, 3))}, "pixels.dtype.*float64"),
        ({"pixels": np.full((256, 256, 3), np.nan, np.float32)}, "pixels.*finite"),
        ({"edited": np.ones((256, 255))}, r"edited.shape.*\(256, 256\)"),
        ({"edited": np.full((256, 256), np.nan)}, "edited.*0 to 1"),
        ({"edited": np.full((256, 256), 255)}, "edited.*0 to 1"),
        ({"alpha": np.ones((2, 2), np.uint8)}, "alpha.shape"),
        ({"payload": Payload(4, 1)}, "payload.key_id"),
        ({"strength": 0}, "strength.*0.05 to 8"),
        ({"strength": float("nan")}, "strength"),
    ],
)
def test_bad_input_names_field_value_range_and_fix(keys, payload, change, message):
    request = {
        "pixels": np.zeros((256, 256, 3), np.uint8),
        "edited": everywhere(256),
        "payload": payload,
        "keys": keys,
    }
    with pytest.raises(InvalidMarkRequest, match=message) as caught:
        embed(**(request | change))
    assert "allowed: " in str(caught.value) and "Fix: " in str(caught.value)


def test_other_keys_read_nothing(keys, payload, picture):
    marked = embed(picture(256), everywhere(256), payload, keys, 1.5)
    other = Keys(3, bytes(reversed(keys.pattern)), keys.auth)
    assert detect(marked.pixels, [other.reader()]) == []


def test_an_older_mark_in_the_same_pixels_does_not_pass_for_the_new_one(keys, picture):
    rgb, edited = picture(384), everywhere(384)
    older = embed(rgb, edited, Payload(3, 1), keys, 4, random=np.random.default_rng(1)).pixels
    newer = embed(older, edited, Payload(3, 2), keys, 2, random=np.random.default_rng(2))
    assert newer.status is MarkStatus.EMBEDDED, newer.note
    assert 2 in {mark.payload.record for mark in detect(newer.pixels, [keys.reader()])}
    faint = embed(older, edited, Payload(3, 2), keys, 0.05, random=np.random.default_rng(2))
    assert faint.status is MarkStatus.METADATA_ONLY
