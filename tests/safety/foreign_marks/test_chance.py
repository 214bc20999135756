"""A false accept is rarer than one picture in a million, for texts too."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from retouch_safety.foreign_marks import cropping, finding
from retouch_safety.foreign_marks.chance import PER_SEARCH, fewest, tail
from retouch_safety.foreign_marks.cropping import best_match
from retouch_safety.foreign_marks.messages import MESSAGES, SDXL

TEXTS = [message for message in MESSAGES if not message.random]


def needed(message):
    return fewest(message.bits.size, finding._LIMIT, random=message.random)


def test_the_tail_is_that_of_fair_coins():
    assert tail(0, 48) == 1
    assert tail(48, 48) == 2**-48
    assert tail(3, 4) == 5 / 16
    tosses = np.random.default_rng(0).integers(0, 2, (200_000, 32)).sum(axis=1)
    assert (tosses >= 22).mean() == pytest.approx(tail(22, 32), rel=0.05)


def test_all_trials_of_a_picture_together_stay_under_one_in_a_million():
    in_place = sum(
        2 * len(message.storages) * tail(needed(message), message.bits.size) for message in MESSAGES
    )
    limit = PER_SEARCH / cropping.CROPPED.trials
    cropped = sum(
        2
        * 64
        * len(m.storages)
        * m.bits.size**2
        * tail(fewest(m.bits.size, limit, random=True), m.bits.size)
        for m in cropping.CROPPED.messages
    )
    assert 0 < in_place < PER_SEARCH and 0 < cropped < PER_SEARCH
    assert in_place + cropped < 1e-6


def test_a_message_that_cannot_be_told_from_chance_is_never_found():
    assert fewest(8, 1e-7, random=True) == 9


@pytest.mark.parametrize("message", TEXTS, ids=[message.name for message in TEXTS])
@pytest.mark.parametrize("period", [1, 2, 4, 8, 16, 24])
def test_no_short_repetition_reads_as_a_text(message, period):
    bits = message.bits
    best = [bits[start::period].mean() > 0.5 for start in range(period)]
    assert (np.resize(best, bits.size) == bits).sum() < needed(message)


def test_the_sdxl_message_is_that_of_diffusers():
    found = importlib.util.find_spec("diffusers")
    if found is None:
        pytest.skip("diffusers is not installed")
    source = Path(found.origin).parent / "pipelines" / "stable_diffusion_xl" / "watermark.py"
    digits = re.search(r"WATERMARK_MESSAGE = 0b([01]+)", source.read_text("utf-8")).group(1)
    assert [bool(int(digit)) for digit in digits] == SDXL.bits.tolist()


@pytest.mark.parametrize("length", [46, 48])
def test_the_cropped_search_sees_every_row_length_and_first_bit(length):
    random = np.random.default_rng(length)
    bits = random.integers(0, 2, length).astype(bool)
    rows, columns = np.mgrid[:50, :61]
    for pitch, start in ((0, 0), (1, 17), (29, 5), (length - 1, length - 1)):
        carried = (start + pitch * rows + columns) % length
        votes = np.where(bits[carried], 1, -1) + random.normal(0, 1, carried.shape)
        noise = random.normal(0, 1, carried.shape)
        assert best_match(np.stack([noise, votes]).astype(np.float32), bits) == length
        assert best_match(np.stack([noise, noise]).astype(np.float32), bits) < length
