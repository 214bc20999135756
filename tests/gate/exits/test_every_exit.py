"""Without a failure every exit is open, and whatever leaves has a receipt that holds.

This is the control of the other tests here: they would pass, too, if nothing ever left.
"""

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from retouch.imaging.decode import read_image
from retouch_safety import InputPicture, Job, MarkStatus, Receipt, Sealed
from retouch_safety.audit import AuditLog
from retouch_safety.fingerprint import difference, fingerprint
from retouch_safety.provenance import Status, verify
from retouch_safety.receipt import digest_of
from retouch_safety.receipt_key import is_signed_by


def receipt_in(path):
    if path.suffix == ".tiff":
        with path.open("rb") as stream:
            tags = ImageFileDirectory_v2(stream.read(8))
            stream.seek(tags.next)
            tags.load(stream)
            return Receipt.from_json(tags[270])
    with Pillow.open(path) as opened:
        return Receipt.from_json(opened.info.get("retouch:receipt") or opened.getexif()[270])


def check_receipt(receipt, gate):
    """Signed by this gate, with every detector's verdict, and in the log."""
    assert is_signed_by(receipt, gate.installation.receipts.public)
    assert [one.detector for one in receipt.detectors] == list(gate._panel.names)
    assert receipt.policy == gate.policy
    log = AuditLog(gate.installation.folder / "audit")
    assert log.verify().intact
    told = [r for r in log.tail(20) if r.fields.get("record") == receipt.record]
    assert receipt.digest in [record.fields["digest"] for record in told]


@pytest.mark.parametrize("side", [64, 144])
def test_whatever_leaves_has_a_receipt_that_holds(way, side, attempt, gate):
    asked = attempt(way, gate, side)
    assert asked.error is None, repr(asked.error)
    assert len(asked.left or asked.files) == way.count
    for released in asked.left:
        check_receipt(released.receipt, gate)
        assert digest_of(released.pixels, released.alpha) == released.receipt.digest
        room = way.edited and side >= 128
        expected = MarkStatus.EMBEDDED if room else MarkStatus.METADATA_ONLY
        assert released.receipt.mark is expected
        manifests = gate.installation.manifests.get(int(released.receipt.record, 16))
        assert bool(manifests) is way.signed


@pytest.mark.only(file=True)
def test_whatever_is_written_can_be_verified(way, attempt, gate):
    asked = attempt(way)
    (path,) = asked.files
    receipt = receipt_in(path)
    check_receipt(receipt, gate)
    report = verify(path.read_bytes(), gate.installation.trust)
    assert report.status is Status.TRUSTED, report.words()
    image = read_image(path)
    if path.suffix == ".jpg":  # its pixels are near, not equal
        assert difference(fingerprint(image.pixels), receipt.fingerprint) < 16
    else:
        assert digest_of(image.pixels, image.alpha) == receipt.digest


def test_a_layers_hidden_pixels_are_gone(gate):
    admission = gate.admit(Job(pictures={"image": InputPicture(np.full((8, 8, 3), 9, np.uint8))}))
    alpha = np.zeros((8, 8), np.float32)
    alpha[2:4, 2:4] = 1
    for seal in (Sealed.patch, Sealed.preview):
        sealed = seal(np.full((8, 8, 3), 200, np.uint8), alpha, x=0, y=0)
        released = gate.release(sealed, admission)
        assert not released.pixels[released.alpha == 0].any()
        assert released.pixels[3, 3].all()
