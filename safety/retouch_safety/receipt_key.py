"""The key that signs receipts: Ed25519 (RFC 8032), made at first start, its public half published.

A receipt goes with a picture that may have no file. Its signature says that this installation's
gate wrote it, to anyone who has the public half; C2PA manifests say more, and hold the receipt.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from retouch_safety.durable_files import PRIVATE, PUBLIC, replace_whole, write_once
from retouch_safety.errors import InvalidInput
from retouch_safety.receipt import Receipt

_RESTORE: Final = "restore it from a backup, or move it away to make a new one"


class ReceiptKey:
    """The signing key of one installation, in ``receipt.key`` (0600) and ``receipt.pub``.

    Args:
        folder: made when missing, with a new key.

    Raises:
        InvalidInput: a key that is damaged, or that others can read.
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "receipt.key"
        if not path.exists():
            write_once(path, _private_text(Ed25519PrivateKey.generate()), PRIVATE)
        self._key = _read(path)
        self.public = _public_text(self._key.public_key())
        """Public half, PEM."""
        shown = folder / "receipt.pub"
        if not shown.exists() or shown.read_bytes() != self.public:  # of a key that was moved away
            replace_whole(shown, self.public, PUBLIC)

    @property
    def id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the public half."""
        return key_id(self.public)

    def sign(self, receipt: Receipt) -> Receipt:
        """Return the receipt with signer and signature filled in."""
        named = replace(receipt, signer=self.id, signature="")
        signature = self._key.sign(named.signed_bytes())
        return replace(named, signature=base64.b64encode(signature).decode("ascii"))


def key_id(public: bytes) -> str:
    """Return the id of a public half given as PEM.

    Raises:
        InvalidInput: not an Ed25519 public key.
    """
    raw = _public(public).public_bytes_raw()
    return hashlib.sha256(raw).hexdigest()[:16]


def is_signed_by(receipt: Receipt, public: bytes) -> bool:
    """Return whether a receipt is as the holder of this public half signed it.

    Args:
        receipt: as it was read.
        public: public half, PEM.

    Raises:
        InvalidInput: not an Ed25519 public key.
    """
    key = _public(public)
    try:
        signature = base64.b64decode(receipt.signature, validate=True)
        key.verify(signature, replace(receipt, signature="").signed_bytes())
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(path: Path) -> Ed25519PrivateKey:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        fix = f"chmod 600 {path.name}, or move it away if others may have read it"
        raise InvalidInput(f"{path.name} mode", oct(mode), "0o600", fix)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise InvalidInput(path.name, "something else", "a key in PEM", _RESTORE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInput(path.name, type(key).__name__, "an Ed25519 key", _RESTORE)
    return key


def _public(text: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(text)
    except ValueError as error:
        fix = "pass the content of receipt.pub"
        raise InvalidInput("public key", "something else", "PEM", fix) from error
    if not isinstance(key, Ed25519PublicKey):
        fix = "pass the content of receipt.pub"
        raise InvalidInput("public key", type(key).__name__, "an Ed25519 key", fix)
    return key


def _private_text(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public_text(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
