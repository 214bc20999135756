"""Marks that cannot be written, or not be read back, and receipts that cannot be made."""

import pytest

import retouch_safety.tilemark.embedding as embedding
from retouch_safety import MarkStatus, Refused
from retouch_safety.audit import AuditLog
from retouch_safety.receipt_key import ReceiptKey
from retouch_safety.tilemark.search import Search

BUGS = [ValueError("a bug"), MemoryError("full")]


def breaking(error):
    def breaks(*args, **given):
        raise error

    return breaks


@pytest.mark.parametrize("error", BUGS, ids=lambda error: type(error).__name__)
def test_the_mark_cannot_be_written(way, error, refused, monkeypatch):
    for name in ("embed", "embed_surviving"):
        monkeypatch.setattr(f"retouch_safety.marking.{name}", breaking(error))
    refused(way, "watermark")


def test_the_mark_cannot_be_placed(way, refused, monkeypatch):
    monkeypatch.setattr("retouch_safety.marking._placing", breaking(ValueError("a bug")))
    refused(way, "watermark")


@pytest.mark.only(edited=True)
def test_reading_the_mark_back_breaks(way, refused, monkeypatch):
    monkeypatch.setattr(Search, "holds", breaking(ValueError("a bug")))
    refused(way, "watermark", side=144)


@pytest.mark.only(edited=True)
def test_a_mark_that_is_not_read_back_is_never_claimed(way, attempt, gate, monkeypatch):
    """Not a refusal: too flat a picture has no mark, its receipt says so, and why."""
    monkeypatch.setattr(Search, "holds", lambda *given: False)
    asked = attempt(way, gate, 144)
    assert asked.error is None
    for released in asked.left:
        receipt = released.receipt
        assert receipt.mark is MarkStatus.METADATA_ONLY and receipt.mark_area is None
        assert "read back" in receipt.mark_note
    last = AuditLog(gate.installation.folder / "audit").tail(1)[0]
    assert last.fields["mark"] == "METADATA_ONLY"


def test_reading_back_is_a_search_of_the_written_pixels():
    """What the two tests above break is what `verified` asks."""
    assert embedding.Search is Search


RECEIPT_STEPS = ["fingerprint", "digest_of", "datetime"]


@pytest.mark.parametrize("step", RECEIPT_STEPS)
def test_the_receipt_cannot_be_made(way, step, refused, monkeypatch):
    monkeypatch.setattr(f"retouch_safety.gate.{step}", breaking(ValueError("a bug")))
    refused(way, "receipt")


@pytest.mark.parametrize("error", BUGS, ids=lambda error: type(error).__name__)
def test_the_receipt_cannot_be_signed(way, error, refused, monkeypatch):
    monkeypatch.setattr(ReceiptKey, "sign", breaking(error))
    refused(way, "receipt")


def test_pixels_that_the_mark_spoiled_are_refused_with_the_mark(gate, monkeypatch):
    """Whatever happens between the check and the receipt has no way out but a refusal."""
    import numpy as np

    from retouch_safety import Job, Sealed

    monkeypatch.setattr("retouch_safety.gate.immutable", breaking(TypeError("not bytes")))
    sealed = Sealed.composite(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(Refused) as caught:
        gate.release(sealed, gate.admit(Job()))
    assert caught.value.stage == "receipt"
