"""What the judge says about one picture, and the decisions that follow from it.

Nothing here needs torch: a ``Verdict`` is plain data, the decisions are pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Lowest score at which an object counts as present.
PRESENT: Final = 0.3
#: Share of the width by which two centres must differ to lie to the left of or above one another.
#: GenEval (arXiv 2310.11513) uses a tenth of the objects' sizes.
APART: Final = 0.1
#: Bounds, as shares of the width, between the left, the middle and the right of a picture.
THIRDS: Final = (0.4, 0.6)


@dataclass(frozen=True)
class Found:
    """One object that the judge found.

    ``x`` and ``y`` (centre) and ``size`` (longest side) are shares of the picture's width.
    ``score`` is the probability in [0, 1] that a ``noun`` is there. ``colour`` is the likeliest
    of the named colours and ``colour_score`` its probability among them; ``natural`` is the
    probability that the object has its natural colours. A natural apple is also red: judge the
    colour only where one was asked for.
    """

    noun: str
    score: float
    colour: str
    colour_score: float
    x: float
    y: float
    size: float
    natural: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What one picture shows.

    ``things`` are sorted by falling score and hold one entry per object: its likeliest noun.
    ``place`` is a key of PLACES or of COLOURS (a plain background) with its probability;
    ``season`` is empty for summer and where seasons do not apply; ``mask`` is the (128, 128)
    float32 probability that a pixel belongs to an object.
    """

    things: tuple[Found, ...]
    place: str
    place_score: float
    night: bool
    season: str
    mask: NDArray[np.float32]

    def all(self, noun: str, threshold: float = PRESENT) -> tuple[Found, ...]:
        """Return every object of this noun that is present, best first."""
        return tuple(f for f in self.things if f.noun == noun and f.score >= threshold)

    def best(self, noun: str, threshold: float = PRESENT) -> Found | None:
        """Return the most certain object of this noun, or None where none is present."""
        return next(iter(self.all(noun, threshold)), None)

    def present(self, threshold: float = PRESENT) -> tuple[Found, ...]:
        """Return every object that is present, whatever it is."""
        return tuple(f for f in self.things if f.score >= threshold)


def shows(verdict: Verdict, noun: str, colour: str = "") -> bool:
    """Return whether a ``noun`` is there; with a ``colour``, whether one has that colour."""
    found = verdict.all(noun)
    return any(not colour or thing.colour == colour for thing in found)


def count(verdict: Verdict, noun: str) -> int:
    """Return how many objects of this noun are there."""
    return len(verdict.all(noun))


def relation_holds(first: Found, relation: str, second: Found) -> bool:
    """Return whether ``first`` lies ``relation`` (left, right, above, below) of ``second``.

    The axis that the relation names must be the one along which the two differ most. ``and``
    holds for any two objects.
    """
    dx, dy = second.x - first.x, second.y - first.y
    along = {"left": dx, "right": -dx, "above": dy, "below": -dy}
    if relation == "and":
        return True
    across = dy if relation in ("left", "right") else dx
    return along[relation] >= APART and along[relation] > abs(across)


def related(verdict: Verdict, first: str, relation: str, second: str) -> bool:
    """Return whether some ``first`` lies ``relation`` of some ``second``."""
    pairs = ((a, b) for a in verdict.all(first) for b in verdict.all(second))
    return any(relation_holds(a, relation, b) for a, b in pairs)


def bound(verdict: Verdict, pairs: tuple[tuple[str, str], ...]) -> bool:
    """Return whether every (noun, colour) is there, each noun in its own colour."""
    return all(shows(verdict, noun, colour) for noun, colour in pairs)


def position(found: Found) -> str:
    """Return ``"left"``, ``"centre"`` or ``"right"``: where the object's centre is."""
    low, high = THIRDS
    return "left" if found.x < low else "right" if found.x > high else "centre"
