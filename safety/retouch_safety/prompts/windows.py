"""What the embedding is asked about: whole texts, clauses, neighbours, and parts of long clauses.

A violation inside of a long harmless prompt hardly moves the whole prompt's embedding. Clauses are
therefore scored alone, short ones together with the next one too ("a woman on the rug, nothing
on"), and long ones in parts, so that neither commas nor leaving them out hides anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from retouch_safety.prompts.policy import Extent
from retouch_safety.prompts.text import CheckedText

_WINDOW, _STRIDE = 8, 4  # words
_LONGEST_WHOLE = 80  # words; more do not fit the encoder
_LONGEST_CLAUSE = 24
_SHORTEST_PART = 3
_LONGEST_JOINED = 12
_JOINTS = re.compile(
    r" (?:and|while|where|as|but|then|plus|next to|beside|in front of|behind|with|showing) "
)


@dataclass(frozen=True)
class Passage:
    """A text to embed; ``extent`` says which limit is compared."""

    field: str
    text: str
    extent: Extent


def passages(text: CheckedText) -> Iterator[Passage]:
    """Yield the passages of a text, without repeats."""
    found: dict[str, Passage] = {}
    for reading in text.drawn:
        clauses = [clause for clause in reading.clauses() if _is_readable(clause)]
        whole = " ".join(", ".join(clauses).split()[:_LONGEST_WHOLE])
        if whole:
            found.setdefault(whole, Passage(text.field, whole, "whole"))
        for clause in clauses:
            alone = " ".join(clause.split()[:_LONGEST_CLAUSE])
            found.setdefault(alone, Passage(text.field, alone, "clause"))
            for part in _parts(clause):
                found.setdefault(part, Passage(text.field, part, "part"))
        for joined in _neighbours(clauses):
            found.setdefault(joined, Passage(text.field, joined, "clause"))
    yield from found.values()


def _parts(clause: str) -> Iterator[str]:
    words = clause.split()
    if len(words) <= _WINDOW:
        return
    last = len(words) - _WINDOW
    for start in (*range(0, last, _STRIDE), last):
        yield " ".join(words[start : start + _WINDOW])
    # windows cut phrases anywhere; joints show where a phrase that was slipped in begins and ends
    for part in _JOINTS.split(clause):
        if _SHORTEST_PART <= len(part.split()) <= _LONGEST_CLAUSE:
            yield part


def _neighbours(clauses: Sequence[str]) -> Iterator[str]:
    for one, other in pairwise(clauses):
        joined = f"{one}, {other}"
        if len(joined.split()) <= _LONGEST_JOINED:
            yield joined


def _is_readable(clause: str) -> bool:
    """Return whether the English model can make sense of a clause: term lists judge the rest."""
    letters = [character for character in clause if character.isalpha()]
    latin = sum(character.isascii() for character in letters)
    return latin >= 3 and 2 * latin >= len(letters)
