"""Find a mark whose picture was cropped: blocks begin anywhere, and bits with any block.

Blocks begin at one of 8 x 8 pixel places. With C blocks in a row of the uncropped picture, the
block in row i and column j carries bit (s + C i + j) mod L, with unknown s and C. All L x L pairs
are summed at once: rows and columns are folded modulo L to G, and with its two-dimensional Fourier
transform F the sums for one C are the inverse transform, along f, of F[C f mod L, f].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from retouch_safety.content import Bytes8
from retouch_safety.foreign_marks.chance import PER_SEARCH, fewest
from retouch_safety.foreign_marks.dwt_dct import (
    BLOCK,
    Plane,
    against_neighbours,
    all_blocks,
    evidence,
    low_bands,
)
from retouch_safety.foreign_marks.messages import MESSAGES, Bits, KnownMessage

_READINGS: Final = 2
_PLACES: Final = (2 * BLOCK) ** 2


class CroppedSearch(NamedTuple):
    """What is searched for, and how many trials that takes at most.

    Attributes:
        messages: random ones alone: text would need more bits than it has.
        trials: readings, storages, places and pairs of s and C, of all messages.
    """

    messages: tuple[KnownMessage, ...]
    trials: int


def _planned() -> CroppedSearch:
    messages = tuple(message for message in MESSAGES if message.random)
    tried = sum(len(message.storages) * message.bits.size**2 for message in messages)
    return CroppedSearch(messages, _READINGS * _PLACES * tried)


CROPPED: Final = _planned()


def search_cropped(rgb: Bytes8) -> Iterator[tuple[KnownMessage, int]]:
    """Yield each message that is found, with the number of its bits that match.

    Args:
        rgb: H x W x 3.
    """
    limit = PER_SEARCH / CROPPED.trials
    best = {message.name: 0 for message in CROPPED.messages}
    for top in (0, 1):
        for left in (0, 1):
            _search_half(low_bands(rgb[top:, left:]), best)
    for message in CROPPED.messages:
        if best[message.name] >= fewest(message.bits.size, limit, random=True):
            yield message, best[message.name]


def _search_half(bands: Plane, best: dict[str, int]) -> None:
    """Raise the best matches by those at the 4 x 4 places of one low band."""
    blocks = [all_blocks(np.ascontiguousarray(bands[..., band])) for band in (0, 1)]
    storages = {storage for message in CROPPED.messages for storage in message.storages}
    for storage in storages:
        for votes in evidence(blocks[storage.exchanged], storage):
            levelled = against_neighbours(_by_place(votes)).transpose(2, 0, 1)
            for message in CROPPED.messages:
                if storage in message.storages:
                    matching = best_match(levelled, message.bits)
                    best[message.name] = max(best[message.name], matching)


def _by_place(votes: Plane) -> Plane:
    """Return rows x columns x 16: the blocks of each place where a block may begin."""
    height, width = (length // BLOCK - 1 for length in votes.shape)
    cut = votes[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK)
    return np.ascontiguousarray(cut.transpose(0, 2, 1, 3)).reshape(height, width, BLOCK * BLOCK)


def best_match(votes: Plane, bits: Bits) -> int:
    """Return how many bits match at the best place, first bit and row length.

    Args:
        votes: places x rows x columns.
        bits: the message.
    """
    length = bits.size
    spectrum = np.fft.rfft2(_folded(votes, length))
    frequency = np.arange(length // 2 + 1)
    rows = np.arange(length)[:, None] * frequency % length
    sums = np.fft.irfft(spectrum[:, rows, frequency], length, axis=-1)
    signs = np.where(sums > 0, np.float32(1), np.float32(-1))
    agreement = signs @ _rotations(bits)
    return int(np.rint((agreement.max() + length) / 2))


def _folded(votes: Plane, length: int) -> Plane:
    """Return places x length x length: the sums over rows and columns modulo the length."""
    places, rows, columns = votes.shape
    padded = np.pad(votes, ((0, 0), (0, -rows % length), (0, -columns % length)))
    by_row = padded.reshape(places, -1, length, padded.shape[2]).sum(axis=1)
    folded: Plane = by_row.reshape(places, length, -1, length).sum(axis=2)
    return folded


def _rotations(bits: Bits) -> npt.NDArray[np.float32]:
    """Return length x length: in column s, the message from its bit s on, as +1 and -1."""
    signs = np.where(bits, np.float32(1), np.float32(-1))
    index = np.arange(bits.size)
    rotated: npt.NDArray[np.float32] = signs[(index[:, None] + index[None, :]) % bits.size]
    return rotated
