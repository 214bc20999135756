"""What a detector may claim, and how likely the claim is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from retouch_safety.content import Box
from retouch_safety.tilemark.payload import TAG_BYTES, Payload


class Claim(StrEnum):
    """How much a detector knows about a mark, most first."""

    AUTHENTIC = "AUTHENTIC"  # the id was written by the holder of the auth key
    READ = "READ"  # the id is what the mark says; who wrote it is unknown
    PRESENT = "PRESENT"  # there is a mark; its id could not be read


class Placement(NamedTuple):
    """How the picture was scaled, turned and mirrored since it was marked.

    Attributes:
        scale: pixels now for each pixel then.
        degrees: counter-clockwise turn, -180 to 180.
        mirrored: left to right, before the turn.
    """

    scale: float = 1.0
    degrees: float = 0.0
    mirrored: bool = False


UPRIGHT = Placement()


@dataclass(frozen=True)
class FoundMark:
    """One mark in a picture.

    Attributes:
        claim: what is known.
        payload: key id and record id; None when the mark is only present.
        region: about where it is, to half a tile, in the pixels of the picture that was given.
        z: height of the sync peak in standard deviations of the correlation.
        evidence: agreement of the code's redundant symbols in standard deviations; 0 when unread.
        false_accept: upper bound of the probability that the detection, up to here, claims this
            much in a picture without a mark.
        placement: see :class:`Placement`.
    """

    claim: Claim
    payload: Payload | None
    region: Box
    z: float
    evidence: float
    false_accept: float
    placement: Placement = UPRIGHT


@dataclass
class Tally:
    """How much one detection has tried: every try is a chance to be wrong.

    Attributes:
        offsets: places at which the sync pattern was looked for.
        words: code words that were compared.
        tags: tags that were checked.
    """

    offsets: int = 0
    words: int = 0
    tags: int = 0

    def of_presence(self, z: float) -> float:
        """Return the chance that noise reached a sync peak anywhere."""
        return min(1.0, self.offsets * tail(z))

    def of_reading(self, evidence: float) -> float:
        """Return the chance that noise reached an evidence with any word."""
        return min(1.0, self.words * tail(evidence))

    def of_authenticity(self) -> float:
        """Return the chance that any tag was right by accident."""
        return min(1.0, math.ldexp(self.tags, -8 * TAG_BYTES))


def tail(deviations: float) -> float:
    """Return the probability that a standard normal variable is at least so large."""
    return 0.5 * math.erfc(deviations / math.sqrt(2))
