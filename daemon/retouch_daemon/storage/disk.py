"""What is asked of the disk itself: names that last, and its refusals in words."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from retouch_daemon.storage.errors import StorageFailed

#: Bytes from which on a file takes noticeably long to reach the disk.
LARGE: Final = 8 << 20


def size_of(file: Path) -> int:
    """Return the bytes of a file; 0 where there is none."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def free_bytes(folder: Path) -> int:
    """Return the bytes that this user may still write to the disk of a folder."""
    return shutil.disk_usage(folder).free


def sync_file(file: Path) -> None:
    """Bring what a file has to the disk."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def synced_digest(file: Path) -> str:
    """Return the SHA-256 of what a file has, all of which is on the disk when this returns.

    It takes seconds where the file is large.
    """
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        return hashlib.file_digest(opened, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a new name durable (POSIX: the folder itself must be synced)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk(what: str) -> Iterator[None]:
    """Raise StorageFailed where the disk refuses ``what``."""
    try:
        yield
    except OSError as problem:
        raise StorageFailed(what, str(problem)) from problem
