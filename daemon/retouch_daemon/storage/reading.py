"""Reading stored blobs without the database: what a worker may do."""

from __future__ import annotations

import hashlib
import re
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final

from retouch_daemon.storage.errors import CorruptBlob, NoDigest, StorageFailed, UnknownBlob
from retouch_daemon.storage.verified_files import Seen, VerifiedFiles

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def checked_digest(digest: str) -> str:
    """Return a digest. Raises NoDigest, which is a ValueError, for what is none."""
    if not _DIGEST.fullmatch(digest):
        raise NoDigest(digest)
    return digest


def blob_file(folder: Path, digest: str) -> Path:
    """Return where a blob is stored. Raises ValueError for what is no digest."""
    return folder / checked_digest(digest)[:2] / digest


def opened_blob(folder: Path, digest: str, verified: VerifiedFiles) -> BinaryIO:
    """Return the file of a blob, open and at its beginning; it stays readable when it is evicted.

    Args:
        folder: of the blobs.
        digest: of the blob.
        verified: files that need not be read to know that they have their digest.

    Raises:
        As :func:`read_blob`.
    """
    try:
        file = blob_file(folder, digest).open("rb")
    except FileNotFoundError:
        raise UnknownBlob(digest) from None
    except OSError as problem:
        raise StorageFailed("read a blob", str(problem)) from problem
    try:
        seen = Seen.of(file)
        if not verified.has(digest, seen):
            _verify(digest, file)
            verified.add(digest, seen)
        return file
    except OSError as problem:
        file.close()
        raise StorageFailed("read a blob", str(problem)) from problem
    except CorruptBlob:
        file.close()
        raise


def _verify(digest: str, file: BufferedReader) -> None:
    """Read an open file and go back to its beginning. Raises CorruptBlob, OSError."""
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        raise CorruptBlob(digest, found)
    file.seek(0)


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
