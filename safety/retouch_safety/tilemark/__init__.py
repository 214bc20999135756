"""TileMark: a 32-bit record id in the pixels, authenticated, that survives ordinary handling.

``embed`` writes one strength, ``embed_surviving`` searches the faintest that survives; both read
the mark back. ``detect`` finds all marks of a picture, with or without the secret key. The method
is in the modules' docstrings: payload, reed_solomon, pattern (what is written), visibility (how
strong), layers (at two sizes), residual, folding, synchronisation, reading, soft_decoder, search
(how it is read), lattice, placing (scaled, turned and mirrored pictures), compression, robustness
(the closed loop).
"""

from retouch_safety.receipt import MarkStatus
from retouch_safety.tilemark.detection import detect
from retouch_safety.tilemark.embedding import Marked, embed
from retouch_safety.tilemark.errors import InvalidMarkRequest
from retouch_safety.tilemark.found import Claim, FoundMark, Placement
from retouch_safety.tilemark.keys import KeyRing, Keys, ReadingKeys
from retouch_safety.tilemark.payload import Payload
from retouch_safety.tilemark.robustness import Limits, embed_surviving

__all__ = [
    "Claim",
    "FoundMark",
    "InvalidMarkRequest",
    "KeyRing",
    "Keys",
    "Limits",
    "MarkStatus",
    "Marked",
    "Payload",
    "Placement",
    "ReadingKeys",
    "detect",
    "embed",
    "embed_surviving",
]
