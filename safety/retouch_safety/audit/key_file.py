"""The log's key: made at first start, read by its owner only, never replaced silently."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from retouch_safety.audit.errors import AuditFailed
from retouch_safety.durable_files import PRIVATE, write_once

KEY_BYTES: Final = 32
_LABEL: Final = "retouch-audit-1"
_RESTORE: Final = "restore it from a backup, or move the whole log away to start anew"


@dataclass(frozen=True)
class AuditKey:
    """Three keys for three purposes, derived from the one in the file.

    Attributes:
        records: authenticates records.
        heads: authenticates the head file.
        prompts: turns prompts into digests that mean nothing without it.
    """

    records: bytes = field(repr=False)
    heads: bytes = field(repr=False)
    prompts: bytes = field(repr=False)

    @classmethod
    def derive(cls, secret: bytes) -> AuditKey:
        """Derive the keys from 32 secret bytes."""
        return cls(*(_mac(secret, f"retouch/audit/{name}/1".encode()) for name in _PURPOSES))

    def record_mac(self, body: bytes) -> bytes:
        """Return HMAC-SHA256 of a record's body, 64 hexadecimal digits."""
        return _mac(self.records, body).hex().encode()

    def head_mac(self, body: bytes) -> bytes:
        """Return HMAC-SHA256 of a head, 64 hexadecimal digits."""
        return _mac(self.heads, body).hex().encode()

    def prompt_digest(self, prompt: str) -> str:
        """Return HMAC-SHA256 of a prompt in NFC: equal prompts, and nothing else, can be seen."""
        text = unicodedata.normalize("NFC", prompt).encode("utf-8", "surrogatepass")
        return _mac(self.prompts, text).hex()


_PURPOSES: Final = ("records", "heads", "prompts")


def make_key(path: Path) -> None:
    """Write a new key; one that exists is left as it is.

    Raises:
        OSError: a full disk, no permission.
    """
    write_once(path, f"{_LABEL} {secrets.token_hex(KEY_BYTES)}\n".encode(), PRIVATE)


def read_key(path: Path) -> AuditKey:
    """Read a key file.

    Raises:
        AuditFailed: missing, damaged, or readable by others.
    """
    try:
        mode, text = stat.S_IMODE(path.stat().st_mode), path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditFailed("key", f"{path.name} cannot be read: {error}", _RESTORE) from error
    if os.name == "posix" and mode & 0o077:
        fix = f"chmod 600 {path.name}, and start a new log if others may have read it"
        raise AuditFailed("key", f"{path.name} has mode {oct(mode)}, not 0o600", fix)
    label, _, digits = text.strip().partition(" ")
    try:
        secret = bytes.fromhex(digits)
    except ValueError:
        secret = b""
    if label != _LABEL or len(secret) != KEY_BYTES:
        raise AuditFailed("key", f"{path.name} does not hold a key", _RESTORE)
    return AuditKey.derive(secret)


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
