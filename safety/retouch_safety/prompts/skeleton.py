"""Skeletons: what is left of a word when digits for letters and repeated letters are undone.

``p0rrn``, ``porn`` and ``pornn`` share a skeleton. A written word matches a known one when every
run of a letter is at least as long as the known word's: ``boobs`` is not found in ``bobs``.
"""

from __future__ import annotations

from itertools import groupby

SYMBOLS = "@$!|+€£¥¢®©¡*"
"""Symbols that stand for letters inside of words."""

# Merged on both sides, so that 1 may be i or l, and v may be u.
_LETTERS = str.maketrans(
    "0123456789@$!|+€£¥¢®©¡lv",
    "oizeasgtbgasiiteiycrciiu",
)

Runs = tuple[tuple[str, int], ...]


def runs_of(word: str) -> Runs:
    """Return letter and length of every run of the merged letters of a word."""
    merged = word.translate(_LETTERS)
    return tuple((letter, sum(1 for _ in run)) for letter, run in groupby(merged))


def key_of(runs: Runs) -> str:
    """Return the skeleton: every run once."""
    return "".join(letter for letter, _ in runs)


def covers(written: Runs, known: Runs, stretched: bool) -> bool:
    """Return whether a written word can be a known one, given that their skeletons are equal.

    Args:
        written: runs of the written word.
        known: runs of the known word.
        stretched: whether one extra letter counts (``soon`` for ``son``) or only obvious
            stretching, three of a letter and more.
    """
    for (_, length), (_, needed) in zip(written, known, strict=True):
        if length < needed or (length > needed and not stretched and length < 3):
            return False
    return True
