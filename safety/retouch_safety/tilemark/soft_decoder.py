"""Soft-decision decoding: ordered statistics over the code's most reliable positions.

After Fossorier and Lin 1995, for symbols instead of bits: take the nine positions whose best
symbol leads the second best by most, re-encode them, and do so again with one, two and three of
them replaced by their runners-up. Every candidate is a code word; the one whose 16 symbols score
most together is the most likely. Unlike erasing and correcting, nothing that was received is
thrown away.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from retouch_safety.tilemark.galois import Symbols
from retouch_safety.tilemark.reed_solomon import DIMENSION, LENGTH, extend, interpolation

Scores = npt.NDArray[np.float64]

#: How many positions are replaced at once -> how many runners-up each of them may take.
_RUNNERS_UP: Final = {1: 7, 2: 3, 3: 1}
_CREDIT: Final = 4.0  # deviations


class CodeWord(NamedTuple):
    """A candidate.

    Attributes:
        symbols: 16 symbols, a word of the code.
        score: sum of the 16 symbols' scores.
        evidence: sum of the seven scores that the code added to the nine trusted symbols, each
            at most 4, over the root of seven. Where nothing was written it is at most standard
            normal for each candidate: the trusted nine were chosen for their scores, these seven
            were not. The limit is for damaged marks: one strong symbol that fits by accident,
            which happens once in 256 times, must not outweigh six that do not.
    """

    symbols: Symbols
    score: float
    evidence: float


def decode(scores: Scores, first: Collection[int], count: int) -> list[CodeWord]:
    """Return the most likely code words, best first.

    Args:
        scores: 16 x 256; how well each symbol fits, in standard deviations of the noise.
        first: the symbols that the first position may have; all others are ruled out.
        count: how many to return at most.
    """
    allowed = np.full(256, -np.inf)
    allowed[list(first)] = 0
    scores = scores.copy()
    scores[0] += allowed
    ranked = np.argsort(-scores, axis=1)[:, : max(_RUNNERS_UP.values()) + 1]
    leading = np.take_along_axis(scores, ranked[:, :2], axis=1)
    order = np.argsort(leading[:, 1] - leading[:, 0], kind="stable")
    trusted, added = order[:DIMENSION], order[DIMENSION:]
    known = ranked[trusted, _choices()].astype(np.uint8)
    parity = extend(interpolation(trusted, added), known)
    from_trusted = scores[trusted, known].sum(axis=1)
    from_added = scores[added, parity].sum(axis=1)
    total = from_trusted + from_added
    best = np.argsort(-total)[:count]
    words = np.empty((len(best), LENGTH), np.uint8)
    words[:, trusted], words[:, added] = known[best], parity[best]
    credited = np.minimum(scores[added, parity[best]], _CREDIT).sum(axis=1)
    evidence = credited / math.sqrt(LENGTH - DIMENSION)
    return [
        CodeWord(word, float(total[i]), float(seen))
        for word, i, seen in zip(words, best, evidence, strict=True)
        if np.isfinite(total[i])
    ]


def candidate_count() -> int:
    """Return how many code words :func:`decode` compares."""
    return len(_choices())


@lru_cache(maxsize=1)
def _choices() -> npt.NDArray[np.int64]:
    """Return candidates x 9: the rank of the symbol that each trusted position takes."""
    rows = [np.zeros(DIMENSION, np.int64)]
    for together, depth in _RUNNERS_UP.items():
        for positions in itertools.combinations(range(DIMENSION), together):
            for ranks in itertools.product(range(1, depth + 1), repeat=together):
                row = np.zeros(DIMENSION, np.int64)
                row[list(positions)] = ranks
                rows.append(row)
    return np.array(rows)
