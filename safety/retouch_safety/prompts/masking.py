"""Benign phrases taken out of the words of a reading, so that no rule finds them."""

from __future__ import annotations

import re
from bisect import bisect_right

from retouch_safety.prompts.reading import Reading

GONE = "·"
"""Stands for a word that a mask took out."""


def joined(words: tuple[str, ...]) -> tuple[str, list[int]]:
    """Return the words with single spaces, and where each one starts."""
    starts, place = [], 0
    for word in words:
        starts.append(place)
        place += len(word) + 1
    return " ".join(words), starts


def _lines(reading: Reading) -> str:
    """Return the words with one sign between them: a new line where a clause ends.

    A benign phrase that spans clauses is none: "naked, wall" is no bare wall.
    """
    text, clause = "", None
    for word in reading.words:
        if clause is not None:
            text += " " if word.clause == clause else "\n"
        text += word.text
        clause = word.clause
    return text


def masked(reading: Reading, masks: tuple[re.Pattern[str], ...]) -> tuple[str, ...]:
    """Return the words, ``GONE`` in place of those that a mask matches."""
    kept = [word.text for word in reading.words]
    _, starts = joined(tuple(kept))
    text = _lines(reading)
    for mask in masks:
        for match in mask.finditer(text):
            first = bisect_right(starts, match.start()) - 1
            last = bisect_right(starts, match.end() - 1) - 1
            kept[first : last + 1] = [GONE] * (last - first + 1)
    return tuple(kept)
