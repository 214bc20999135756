"""Receipts and pictures that were forged or tampered with: what does not verify, what still shows.

What is done here is done by force, in the gate's own process, where it cannot be prevented (see
``test_attacks.py``). A file's receipt can nevertheless be told from a forged one by anyone who
has the public key, and the log and the receipt say what was really done.
"""

from dataclasses import replace

import numpy as np
import pytest

from retouch_safety import CannotSave, Gate, Ingredient, Released, marking
from retouch_safety.detector_panel import THRESHOLDS
from retouch_safety.receipt import digest_of
from retouch_safety.receipt_key import is_signed_by
from retouch_safety.save import save

PIXELS = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)


# --- forging -------------------------------------------------------------------------------------

FORGED = {
    "record": "00000000",
    "job": "another",
    "policy": "off",
    "detectors": (),
    "ingredients": (Ingredient("image", "tilemark", "", None),),
    "operations": ("nothing",),
    "model": "camera",
    "mark": "EMBEDDED",
    "mark_area": (0, 0, 1, 1),
    "fingerprint": "0" * 16,
    "digest": "0" * 64,
    "created": "2001-01-01T00:00:00+00:00",
    "signer": "0" * 16,
    "signature": "",
}


@pytest.mark.parametrize("field", FORGED)
def test_a_receipt_that_was_changed_does_not_verify(field, released, gate):
    public = gate.installation.receipts.public
    assert is_signed_by(released.receipt, public)
    assert getattr(released.receipt, field) != FORGED[field]
    assert not is_signed_by(replace(released.receipt, **{field: FORGED[field]}), public)


def test_a_released_that_was_forged_has_no_receipt_that_holds(gate, released, tmp_path):
    """By force, past the constructor: the file says what it is not, and cannot prove it."""
    forged = Released.__new__(Released)
    content = replace(released._content, pixels=255 - released.pixels)
    claimed = replace(released.receipt, digest=digest_of(content.pixels, None))
    for name, value in (("_content", content), ("_receipt", claimed), ("_credentials", None)):
        object.__setattr__(forged, name, value)
    save(forged, tmp_path / "forged.png")
    assert not is_signed_by(claimed, gate.installation.receipts.public)


def test_a_receipt_of_another_picture_is_not_of_this_one(gate, released, tmp_path):
    content = replace(released._content, pixels=255 - released.pixels)
    assert digest_of(content.pixels, None) != released.receipt.digest
    object.__setattr__(released, "_content", content)
    with pytest.raises(CannotSave, match="altered pixels"):
        save(released, tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


# --- tampering that wins inside the process, and what still shows ---------------------------------


def test_a_threshold_that_was_moved_shows_in_the_receipt(gate, sealed, admission, chosen):
    chosen.answer = {"whole": 0.9}
    before, gate._panel.threshold = gate._panel.threshold, 2.0
    try:
        receipt = gate.release(sealed, admission).receipt
    finally:
        gate._panel.threshold = before
    profile = receipt.policy.partition(":")[0]
    assert {one.threshold for one in receipt.detectors} == {2.0}
    assert THRESHOLDS[profile] == 0.5  # which a verifier can compare


def test_detectors_that_were_left_out_show_in_the_receipt(gate, sealed, admission, monkeypatch):
    monkeypatch.setattr(Gate, "_detect", lambda self, content, seen: ())
    assert gate.release(sealed, admission).receipt.detectors == ()


def test_pixels_that_were_swapped_in_the_mark_are_on_record(gate, sealed, admission, monkeypatch):
    """The detectors saw others: that does not show. What left does, by its own digest."""
    real = marking.mark

    def swapped(content, seen, record, keys):
        other = replace(content, pixels=255 - content.pixels)
        return real(other, other.pixels, record, keys)

    monkeypatch.setattr(marking, "mark", swapped)
    released = gate.release(sealed, admission)
    last = gate.installation.audit.tail(1)[0]
    assert (released.pixels == 255 - PIXELS).all()
    assert last.fields["digest"] == digest_of(released.pixels, None) == released.receipt.digest
