"""When a match is a find: the chance that a picture without a mark matches a message as well.

Whatever bits a clean picture reads as, if they have nothing to do with the message, each matches
with probability 1/2: the number of matches is binomial. For a message that was drawn at random this
holds exactly, however regular the picture is. Text is not random: every byte begins with 0, so a
picture that repeats every eight blocks matches more. At least nine of ten bits must match there,
which no repeated byte reaches for any of the known texts.
"""

from __future__ import annotations

from functools import cache
from math import ceil, comb
from typing import Final

#: False accepts of one picture, all trials together, of each of the two searches.
PER_SEARCH: Final = 5e-7
_SHARE_OF_TEXT: Final = 0.9


def tail(matching: int, length: int) -> float:
    """Return the probability that at least so many of ``length`` fair coins show heads."""
    return sum(comb(length, heads) for heads in range(matching, length + 1)) / 2.0**length


@cache
def fewest(length: int, limit: float, *, random: bool) -> int:
    """Return how many bits must match so that chance does it with at most ``limit``.

    Args:
        length: bits of the message.
        limit: probability for one trial.
        random: whether the message is random; else nine of ten bits must match in any case.

    Returns:
        At most ``length + 1``, which means never.
    """
    needed = 0 if random else ceil(_SHARE_OF_TEXT * length)
    while needed <= length and tail(needed, length) > limit:
        needed += 1
    return needed
