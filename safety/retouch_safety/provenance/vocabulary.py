"""Names that manifests and metadata are written with.

Sources: C2PA Technical Specification 2.2 (actions, soft binding, ingredients) and the IPTC
NewsCodes "Digital Source Type" (https://cv.iptc.org/newscodes/digitalsourcetype/). Names under
``org.retouch`` are private extensions; the watermark's is one until it is in C2PA's list of
soft binding algorithms.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_SOURCE_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"


class SourceType(StrEnum):
    """How a picture came about, in the IPTC's terms."""

    GENERATED = _SOURCE_TYPES + "trainedAlgorithmicMedia"  # by a model alone
    EDITED = _SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"  # a picture, with a model


SOFTWARE: Final = "Retouch"
TILEMARK: Final = "org.retouch.tilemark.1"

ACTIONS: Final = "c2pa.actions.v2"
SOFT_BINDING: Final = "c2pa.soft-binding"
RECEIPT: Final = "org.retouch.receipt"
MARKS: Final = "org.retouch.marks"
OPERATIONS: Final = "org.retouch.operations"  # a parameter of the action c2pa.edited
MODEL: Final = "org.retouch.model"

OPENED: Final = "c2pa.opened"
CREATED: Final = "c2pa.created"
EDITED: Final = "c2pa.edited"
PLACED: Final = "c2pa.placed"
MARKED: Final = "c2pa.watermarked.bound"  # bound: the manifest holds the soft binding

PARENT: Final = "parentOf"
COMPONENT: Final = "componentOf"
MANIFEST_STORE: Final = "application/x-c2pa-manifest-store"  # what an ingredient may be, alone

RECORD_BITS: Final = 32


def record_text(record: int) -> str:
    """Return a 32-bit record id as eight hexadecimal digits."""
    return f"{record:08x}"


def record_of(text: object) -> int | None:
    """Return the id that :func:`record_text` wrote, or None if this is not one."""
    if not isinstance(text, str) or len(text) != RECORD_BITS // 4:
        return None
    return int(text, 16) if all(digit in "0123456789abcdef" for digit in text) else None
