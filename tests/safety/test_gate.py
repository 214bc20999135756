"""The gate: what it does to a picture, what it says about it, and what it says when it refuses.

That nothing leaves when something breaks is in ``tests/gate``.
"""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch_safety import (
    InputPicture,
    Job,
    MarkStatus,
    Receipt,
    Refused,
    Released,
    Sealed,
)
from retouch_safety.content import Content
from retouch_safety.marking import mark, new_record
from retouch_safety.receipt import digest_of
from retouch_safety.tilemark import Keys


class Fixed:
    """A detector with a fixed answer."""

    name, category = "fixed 1", "a test category"

    def __init__(self, answer):
        self.answer = answer

    def score(self, rgb, region):
        return {"whole": self.answer}

    def self_test(self):
        pass


def picture(side=64, depth=np.uint8):
    white = 1 if depth is np.float32 else np.iinfo(depth).max
    ramp = np.linspace(0, white, side * side * 3).reshape(side, side, 3)
    return ramp.astype(depth)


# --- what passes -------------------------------------------------------------------------------


def test_a_photograph_is_released_with_a_receipt(release, astronaut, records_in):
    released = release(Sealed.composite(astronaut, icc=b"profile"))
    receipt = released.receipt
    assert type(released) is Released and released.form == "composite"
    assert receipt.mark is MarkStatus.EMBEDDED and receipt.mark_area == (0, 0, 512, 512)
    assert records_in(released.pixels) == [receipt.record]
    assert receipt.digest == digest_of(released.pixels, None)
    assert receipt.detectors[0].scores["whole"] < 0.1
    assert released.icc == b"profile"
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert json.loads(receipt.to_json())["mark"] == "EMBEDDED"
    with pytest.raises(ValueError):
        Receipt.from_json('{"record": "1"}')


def test_composite_and_patch_can_share_a_record(release, astronaut, records_in):
    first = release(Sealed.composite(astronaut), record=0x0F0F0F0F)
    alpha = np.ones((300, 300), np.float32)
    sealed = Sealed.patch(astronaut[100:400, 100:400], alpha, x=100, y=100)
    second = release(sealed, record=0x0F0F0F0F)
    assert first.receipt.record == second.receipt.record == "0f0f0f0f"
    assert second.offset == (100, 100) and second.form == "patch"
    assert records_in(second.pixels) == ["0f0f0f0f"]


@pytest.mark.parametrize("record", [-1, 1 << 32])
def test_a_record_has_32_bits_and_a_wrong_one_uses_nothing_up(gate, release, record):
    sealed = Sealed.composite(picture(8))
    with pytest.raises(ValueError, match="allowed: 0 to 4294967295"):
        release(sealed, record=record)
    assert release(sealed, record=(1 << 32) - 1).receipt.record == "ffffffff"


def test_small_pictures_say_metadata_only(release):
    receipt = release(Sealed.composite(picture())).receipt
    assert receipt.mark is MarkStatus.METADATA_ONLY and "64x64" in receipt.mark_note
    assert receipt.mark_area is None


@settings(max_examples=6, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([np.uint8, np.uint16, np.float32]))
def test_outside_the_edit_is_bit_identical(gate, seed, depth):
    rng = np.random.default_rng(seed)
    pixels = (rng.random((200, 180, 3)) * (1 if depth is np.float32 else 250)).astype(depth)
    edited = np.clip(rng.normal(0.5, 0.6, (200, 180)), 0, 1).astype(np.float32)
    edited[:, :140] = 1
    alpha = pixels[..., 0].copy()
    admission = gate.admit(Job(pictures={"image": InputPicture(pixels, alpha)}))
    released = gate.release(Sealed.composite(pixels, edited, alpha=alpha), admission)
    outside = edited == 0
    assert released.pixels.dtype == depth
    assert released.pixels[outside].tobytes() == pixels[outside].tobytes()
    assert (released.alpha == alpha).all()


def test_nothing_unchecked_hides_in_a_patch(release):
    pixels = np.full((40, 40, 3), 200, np.uint8)
    alpha = np.zeros((40, 40), np.float32)
    alpha[10:20, 10:20] = 0.5
    alpha[30, 30] = 1e-4  # rounds to nothing at 8 bits
    released = release(Sealed.patch(pixels, alpha, x=3, y=4))
    assert not released.pixels[released.alpha == 0].any()
    assert (released.pixels[released.alpha > 0] == 200).all()


@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "coffee.png"])
def test_photographs_carry_the_mark_and_look_the_same(name, photograph, gate):
    rgb = photograph(name)[:256, :256]
    content = Content("composite", rgb, np.ones(rgb.shape[:2], np.float32), None, None)
    marked = mark(content, content.pixels, 7, gate.installation.keys.current)
    assert marked.status is MarkStatus.EMBEDDED, marked.note
    error = np.mean((marked.pixels.astype(float) - rgb) ** 2)
    assert 10 * np.log10(255**2 / error) > 37


def test_a_mask_with_holes_cannot_strip_the_mark(gate, astronaut, records_in):
    rgb = astronaut[:320, :320]
    edited = np.ones((320, 320), np.float32)
    edited[::8, ::8] = 0
    content = Content("composite", rgb, edited, None, None)
    marked = mark(content, content.pixels, 0x5A3C96E1, gate.installation.keys.current)
    assert marked.status is MarkStatus.EMBEDDED
    assert (marked.pixels[edited == 0] == rgb[edited == 0]).all()
    assert records_in(marked.pixels) == ["5a3c96e1"]


def test_one_record_is_always_placed_alike_and_another_is_not(astronaut):
    """Run again, a request gives the same bits; and only who has the secret knows the place."""
    keys = Keys(0, bytes(range(32)), bytes(32))
    rgb = astronaut[100:260, 100:260]
    content = Content("preview", rgb, np.ones((160, 160), np.float32), None, None)
    first, again, other = (mark(content, rgb, record, keys) for record in (5, 5, 6))
    elsewhere = mark(content, content.pixels, 5, Keys(0, bytes(range(32)), b"1" * 32))
    for marked in (first, again, other, elsewhere):
        assert marked.status is MarkStatus.EMBEDDED, marked.note
    assert (first.pixels == again.pixels).all()
    assert (first.pixels != other.pixels).any() and (first.pixels != elsewhere.pixels).any()
    assert len({new_record() for _ in range(100)}) == 100


# --- previews ----------------------------------------------------------------------------------


def look(gate, admission):
    board = (np.indices((64, 64)).sum(axis=0) // 4 % 2 * 255).astype(np.uint8)
    alpha = np.ones((64, 64), np.float32)
    alpha[:, 48:] = 0
    sealed = Sealed.preview(np.stack([board] * 3, axis=2), alpha, x=0, y=0)
    return board, gate.release(sealed, admission)


def test_the_first_preview_is_blurred_and_the_others_are_sharp(gate):
    admission = gate.admit(Job())
    board, first = look(gate, admission)
    _, second = look(gate, admission)
    assert first.form == second.form == "preview"
    assert (second.pixels[:, :48, 0] == board[:, :48]).all()
    inside = first.pixels[:, :48].astype(int)
    assert inside.max() - inside.min() < 128  # of 255: squares of 4 pixels are gone
    assert 100 < inside.mean() < 155  # and no black of the hidden part has bled in
    assert not first.pixels[:, 48:].any()
    _, anew = look(gate, gate.admit(Job()))
    assert (anew.pixels == first.pixels).all()  # the next request begins again


def test_a_refused_preview_does_not_count_as_the_first(gate_with, gate):
    detector = Fixed(0.9)
    strict = gate_with([detector])
    admission = strict.admit(Job())
    with pytest.raises(Refused):
        look(strict, admission)
    detector.answer = 0.0
    board, first = look(strict, admission)
    assert (first.pixels[:, :48, 0] != board[:, :48]).any()


def test_what_is_not_the_documents_own_counts_as_edited(gate, astronaut):
    nothing = np.zeros(astronaut.shape[:2], np.float32)
    admission = gate.admit(Job(pictures={"image": InputPicture(astronaut)}))
    own = gate.release(Sealed.composite(astronaut, nothing), admission)
    assert own.receipt.mark is MarkStatus.METADATA_ONLY
    assert (own.pixels == astronaut).all()
    other = np.ascontiguousarray(astronaut[:, ::-1])
    claimed = gate.release(Sealed.composite(other, nothing), admission)
    assert claimed.receipt.mark is MarkStatus.EMBEDDED
    without = gate.release(Sealed.composite(astronaut, nothing), gate.admit(Job()))
    assert without.receipt.mark is MarkStatus.EMBEDDED


def test_what_opacity_draws_is_looked_at(gate_with, astronaut):
    seen = []

    class Watching(Fixed):
        def score(self, rgb, region):
            seen.append(rgb.copy())
            return {"whole": 0.0}

    gate = gate_with([Watching(0.0)])
    flat = np.full_like(astronaut, 128)
    drawn = np.ascontiguousarray(astronaut[..., 1])
    gate.admit(Job(pictures={"image": InputPicture(flat, drawn)}))
    assert len(seen) == 3
    assert seen[0].std() == 0 and min(look.std() for look in seen[1:]) > 10
    seen.clear()
    gate.admit(Job(pictures={"image": InputPicture(flat, np.full_like(drawn, 255))}))
    assert len(seen) == 1


def test_the_first_preview_of_a_large_document_is_quick(release):
    pixels = np.random.default_rng(0).integers(0, 255, (2048, 2048, 3), np.uint8)
    content = Sealed.preview(pixels, np.ones((2048, 2048), np.float32), x=0, y=0)
    blurred = release(content).pixels.astype(np.float32)
    # nothing finer than a forty-eighth of the side is left
    assert np.abs(np.diff(blurred, axis=1)).mean() < 2
