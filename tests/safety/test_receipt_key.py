"""Signatures of receipts: who has the public half can tell ours from any other."""

import base64
import os
import stat
from dataclasses import fields, replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from retouch_safety import Box, DetectorScores, Ingredient, InvalidInput, MarkStatus, Receipt
from retouch_safety.receipt_key import ReceiptKey, is_signed_by, key_id

UNSIGNED = Receipt(
    record="5a3c96e1",
    job="job-1",
    created="2026-01-02T03:04:05+00:00",
    form="composite",
    operations=("sdedit", "guidance"),
    model="retouch-mini",
    policy="standard:0123456789abcdef",
    detectors=(DetectorScores("one 1", 0.5, {"whole": 0.125, "tile 0,768": 0.25}),),
    ingredients=(Ingredient("image", "tilemark", "0000000a", Box(1, 2, 3, 4)),),
    mark=MarkStatus.EMBEDDED,
    mark_area=Box(0, 0, 512, 512),
    mark_key=0,
    mark_note="",
    compatibility_mark="",
    fingerprint="a5a5a5a5a5a5a5a5",
    digest="0" * 64,
)
OTHERS = {
    "record": "5a3c96e2",
    "job": "job-2",
    "created": "2026-01-02T03:04:06+00:00",
    "form": "patch",
    "operations": ("guidance", "sdedit"),
    "model": "",
    "policy": "medical-art:0123456789abcdef",
    "detectors": (DetectorScores("one 1", 0.5, {"whole": 0.125, "tile 0,768": 0.250001}),),
    "ingredients": (),
    "mark": MarkStatus.METADATA_ONLY,
    "mark_area": None,
    "mark_key": 1,
    "mark_note": "too small",
    "compatibility_mark": "written",
    "fingerprint": "a5a5a5a5a5a5a5a4",
    "digest": "0" * 63 + "1",
    "signer": "0" * 16,
    "signature": base64.b64encode(bytes(64)).decode(),
}


@pytest.fixture
def key(tmp_path):
    return ReceiptKey(tmp_path / "receipts")


def test_a_signed_receipt_verifies_also_after_json(key):
    signed = key.sign(UNSIGNED)
    assert signed.signer == key.id == key_id(key.public)
    assert is_signed_by(signed, key.public)
    again = Receipt.from_json(signed.to_json())
    assert again == signed and is_signed_by(again, key.public)
    assert key.sign(signed) == signed  # Ed25519 has no luck in it
    assert not is_signed_by(UNSIGNED, key.public)


def test_every_field_is_covered():
    assert set(OTHERS) == {field.name for field in fields(Receipt)}


@pytest.mark.parametrize("field", OTHERS)
def test_a_changed_field_does_not_verify(key, field):
    signed = key.sign(UNSIGNED)
    assert not is_signed_by(replace(signed, **{field: OTHERS[field]}), key.public)


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", "ä", "A" * 88])
def test_what_is_no_signature_does_not_verify(key, signature):
    assert not is_signed_by(replace(key.sign(UNSIGNED), signature=signature), key.public)


def test_another_installations_key_does_not_verify(key, tmp_path):
    other = ReceiptKey(tmp_path / "other")
    assert other.id != key.id
    assert not is_signed_by(key.sign(UNSIGNED), other.public)
    claimed = replace(other.sign(UNSIGNED), signer=key.id)
    assert not is_signed_by(claimed, key.public)


def test_the_key_is_made_once_for_its_owner_alone(key, tmp_path):
    folder = tmp_path / "receipts"
    assert ReceiptKey(folder).id == key.id
    assert stat.S_IMODE((folder / "receipt.key").stat().st_mode) == 0o600 or os.name != "posix"
    assert (folder / "receipt.pub").read_bytes() == key.public
    assert b"PRIVATE" not in key.public
    (folder / "receipt.pub").unlink()
    assert ReceiptKey(folder).public == (folder / "receipt.pub").read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(key, tmp_path, mode):
    (tmp_path / "receipts" / "receipt.key").chmod(mode)
    with pytest.raises(InvalidInput, match=r"allowed: 0o600\. Fix: chmod 600"):
        ReceiptKey(tmp_path / "receipts")


def pem(key):
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)


@pytest.mark.parametrize("content", [b"", b"junk", None], ids=["empty", "junk", "another kind"])
def test_a_damaged_key_is_refused_and_never_replaced(key, tmp_path, content):
    path = tmp_path / "receipts" / "receipt.key"
    path.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())) if content is None else content)
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match=r"receipt\.key: .* Fix: restore it"):
        ReceiptKey(tmp_path / "receipts")
    assert path.read_bytes() == before


def test_a_public_half_of_something_else_is_named(key):
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    for text in (b"", b"junk", other.public_bytes(serialization.Encoding.PEM, form)):
        for asked in (lambda text: key_id(text), lambda text: is_signed_by(UNSIGNED, text)):
            with pytest.raises(InvalidInput, match=r"receipt\.pub"):
                asked(text)
