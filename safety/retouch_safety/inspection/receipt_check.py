"""Receipts: who signed one, and whether it is about these very pixels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from retouch_safety.content import Pixels
from retouch_safety.fingerprint import difference, fingerprint
from retouch_safety.inspection.receipt_in_manifests import receipt_texts
from retouch_safety.provenance.vocabulary import record_of, record_text
from retouch_safety.receipt import Receipt, digest_of
from retouch_safety.receipt_key import is_signed_by

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")
_TEXTS: Final = (
    *("job", "created", "form", "model", "policy", "mark_note", "fingerprint", "digest"),
    *("signer", "signature"),
)


class ReceiptSignature(StrEnum):
    """What its signature says."""

    VALID = "VALID"  # as a known gate wrote it
    INVALID = "INVALID"  # it names a known key, and does not hold: forged or changed
    UNKNOWN_KEY = "UNKNOWN_KEY"  # its key is not known here: it proves nothing


@dataclass(frozen=True)
class Likeness:
    """The pixels at hand, as receipts describe pixels.

    Attributes:
        digest: see ``digest_of``.
        fingerprint: see ``fingerprint``.
    """

    digest: str
    fingerprint: str

    @classmethod
    def of(cls, pixels: Pixels, alpha: Pixels | None, icc: bytes | None = None) -> Likeness:
        """Describe H x W x 3 pixels, their H x W alpha, or None, and their ICC profile, or None."""
        return cls(digest_of(pixels, alpha), fingerprint(pixels, icc))


@dataclass(frozen=True)
class ReceiptReport:
    """A receipt, checked.

    Attributes:
        receipt: as it was read; only with a valid signature is it more than a claim.
        signature: whether it is as its signer wrote it.
        same_pixels: the pixels are bit for bit the ones that it is about.
        bits_apart: how many of the 64 bits of the fingerprints differ; None when it has none.
    """

    receipt: Receipt
    signature: ReceiptSignature
    same_pixels: bool
    bits_apart: int | None

    @property
    def proves_pixels(self) -> bool:
        """A known gate released exactly these pixels."""
        return self.same_pixels and self.signature is ReceiptSignature.VALID


def read_receipt(text: str) -> Receipt | None:
    """Return the receipt that a stranger's text holds, or None if it is none.

    Every field that is shown or compared has its type; what it says may still be a lie.
    """
    try:
        receipt = Receipt.from_json(text)
    except (ValueError, RecursionError):
        return None
    texts = [getattr(receipt, name) for name in _TEXTS] + list(receipt.operations)
    well_formed = all(isinstance(value, str) for value in texts)
    whole_numbers = (receipt.mark_key, *(receipt.mark_area or ()))
    numbered = all(type(value) is int for value in whole_numbers)
    return receipt if well_formed and numbered and record_of(receipt.record) is not None else None


def check(receipt: Receipt, keys: Mapping[str, bytes], pixels: Likeness) -> ReceiptReport:
    """Check a receipt.

    Args:
        receipt: as it was read.
        keys: id -> public key, PEM, of the gates that are known here.
        pixels: what it should be about.
    """
    apart = None
    if _FINGERPRINT.fullmatch(receipt.fingerprint):
        apart = difference(receipt.fingerprint, pixels.fingerprint)
    same = receipt.digest == pixels.digest
    return ReceiptReport(receipt, _signature(receipt, keys), same, apart)


def kept_receipts(manifests: Sequence[bytes], record: int) -> tuple[Receipt, ...]:
    """Return the receipts of a record in manifests that are kept under it, in their order."""
    found = (read_receipt(text) for manifest in manifests for text in receipt_texts(manifest))
    ours = [r for r in found if r is not None and r.record == record_text(record)]
    return tuple({receipt.to_json(): receipt for receipt in ours}.values())


def _signature(receipt: Receipt, keys: Mapping[str, bytes]) -> ReceiptSignature:
    public = keys.get(receipt.signer)
    if public is None:
        return ReceiptSignature.UNKNOWN_KEY
    signed = is_signed_by(receipt, public)
    return ReceiptSignature.VALID if signed else ReceiptSignature.INVALID
