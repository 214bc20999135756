"""What is asked of the disk itself: names that last, and its refusals in words."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


def sync_large(file: Path) -> None:
    """Bring what a large file has to the disk; nothing where it is small, or is not there.

    It takes seconds. Whoever does it before taking a lock holds that for the small rest alone.
    """
    if size_of(file) >= LARGE:
        with suppress(FileNotFoundError), file.open("rb") as opened:
            os.fsync(opened.fileno())


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
