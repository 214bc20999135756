"""Find the known marks in a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from retouch_safety.content import Bytes8, Pixels, to_8bit
from retouch_safety.errors import InvalidInput
from retouch_safety.foreign_marks.chance import PER_SEARCH, fewest, tail
from retouch_safety.foreign_marks.cropping import CROPPED, search_cropped
from retouch_safety.foreign_marks.dwt_dct import (
    SMALLEST_AREA,
    against_neighbours,
    aligned_blocks,
    evidence,
    low_bands,
    tally,
)
from retouch_safety.foreign_marks.messages import MESSAGES, KnownMessage, Storage

_READINGS: Final = 2
_TRIALS: Final = _READINGS * sum(len(message.storages) for message in MESSAGES)
_LIMIT: Final = PER_SEARCH / _TRIALS
#: Of larger pictures only the upper rows are read: a tenth of them would do.
_LARGEST_AREA: Final = 2048 * 2048
_DEPTHS: Final = ("uint8", "uint16", "float32")


@dataclass(frozen=True)
class ForeignMark:
    """A mark that someone else's program wrote.

    Attributes:
        name: which one, for example ``sdxl``.
        writer: who is known to write it. The message is public: anyone could.
        message: hexadecimal.
        matching: bits of the message that were read as they should be.
        length: bits of the message.
        cropped: whether it was found only after the picture was searched for a cropped mark.
        false_accept: probability that a clean picture matches as well, all trials counted.
    """

    name: str
    writer: str
    message: str
    matching: int
    length: int
    cropped: bool
    false_accept: float


def find_foreign_marks(pixels: Pixels, *, cropped: bool = False) -> tuple[ForeignMark, ...]:
    """Find the marks of Stable Diffusion 1, 2 and XL, FLUX.1 and InvokeAI in a picture.

    A clean picture gives a mark with a probability under one in a million. Most marks do not
    survive strong compression, and none a change of scale: nothing found means nothing.

    Args:
        pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32`` where 1.0 is white.
        cropped: where nothing is found, also look for the SDXL and FLUX.1 marks of a picture whose
            edges were cut off; takes about ten times as long.

    Returns:
        What was found, each message once; nothing for pictures under 256 x 256 pixels of area,
        which the programs do not mark.

    Raises:
        InvalidInput: wrong shape or depth.
    """
    rgb = _checked(pixels)
    if rgb.shape[0] * rgb.shape[1] < SMALLEST_AREA or min(rgb.shape[:2]) < 8:
        return ()
    found = tuple(_in_place(rgb))
    if found or not cropped:
        return found
    return tuple(
        _mark(message, matching, CROPPED.trials, cropped=True)
        for message, matching in search_cropped(rgb)
    )


def _checked(pixels: Pixels) -> Bytes8:
    shape, depth = pixels.shape, pixels.dtype.name
    if len(shape) != 3 or shape[2] != 3:
        fix = "pass RGB without alpha"
        raise InvalidInput("pixels.shape", shape, "H x W x 3", fix)
    if depth not in _DEPTHS:
        raise InvalidInput("pixels.dtype", depth, ", ".join(_DEPTHS), "convert the picture first")
    rows = max(1, _LARGEST_AREA // max(1, shape[1]))
    part = pixels[:rows]
    # what is not a number carries no mark, and does not hide one elsewhere
    return to_8bit(np.nan_to_num(part) if depth == "float32" else part)


def _in_place(rgb: Bytes8) -> Iterator[ForeignMark]:
    votes = _Votes(rgb)
    for message in MESSAGES:
        needed = fewest(message.bits.size, _LIMIT, random=message.random)
        matching = max(votes.matching(message, storage) for storage in message.storages)
        if matching >= needed:
            yield _mark(message, matching, _TRIALS, cropped=False)


def _mark(message: KnownMessage, matching: int, trials: int, *, cropped: bool) -> ForeignMark:
    length = message.bits.size
    chance = min(1.0, trials * tail(matching, length))
    return ForeignMark(
        message.name, message.writer, message.hexadecimal, matching, length, cropped, chance
    )


class _Votes:
    """What the blocks of a picture say, for every way of storing pixels that was asked for."""

    def __init__(self, rgb: Bytes8) -> None:
        bands = low_bands(rgb)
        self._blocks = [aligned_blocks(np.ascontiguousarray(bands[..., i])) for i in (0, 1)]
        self._known: dict[Storage, tuple[np.ndarray, ...]] = {}

    def matching(self, message: KnownMessage, storage: Storage) -> int:
        """Return how many bits match, by the better reading."""
        if storage not in self._known:
            both = evidence(self._blocks[storage.exchanged], storage)
            self._known[storage] = tuple(against_neighbours(votes) for votes in both)
        sums = (tally(votes, message.bits.size) for votes in self._known[storage])
        return max(int(((total > 0) == message.bits).sum()) for total in sums)
