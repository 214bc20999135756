"""Inspection: everything that can be said about a picture file, in one report.

Marks in the pixels, manifests in the file and beside it, the receipt in the metadata, and whether
they agree. ``Inspector`` looks, ``PictureReport`` says what was found; ``PublishedKeys`` is what
others need to inspect the pictures of an installation.
"""

from retouch_safety.inspection.inspector import (
    Decode,
    Decoded,
    Inspector,
    authentic_marks,
    chosen_anchors,
)
from retouch_safety.inspection.picture_report import PictureReport
from retouch_safety.inspection.published_keys import PublishedKeys
from retouch_safety.inspection.receipt_check import ReceiptReport, ReceiptSignature

__all__ = [
    "Decode",
    "Decoded",
    "Inspector",
    "PictureReport",
    "PublishedKeys",
    "ReceiptReport",
    "ReceiptSignature",
    "authentic_marks",
    "chosen_anchors",
]
