"""Reading stored blobs without the database: what a worker may do."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from retouch_daemon.storage.errors import CorruptBlob, StorageFailed, UnknownBlob

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def checked_digest(digest: str) -> str:
    """Return a digest. Raises ValueError for what is none: so no request can name a path."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError(
            f"sha256: got {digest[:80]!r}; allowed: 64 lower-case hexadecimal digits. "
            "Fix: send the SHA-256 of the bytes."
        )
    return digest


def blob_file(folder: Path, digest: str) -> Path:
    """Return where a blob is stored. Raises ValueError for what is no digest."""
    return folder / checked_digest(digest)[:2] / digest


def read_blob(folder: Path, digest: str) -> bytes:
    """Return the bytes of a blob.

    Raises:
        UnknownBlob: not stored. CorruptBlob: the disk has changed it. StorageFailed.
        ValueError: not a digest.
    """
    try:
        data = blob_file(folder, digest).read_bytes()
    except FileNotFoundError:
        raise UnknownBlob(digest) from None
    except OSError as problem:
        raise StorageFailed("read a blob", str(problem)) from problem
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise CorruptBlob(digest, found)
    return data
