"""A lock between processes and threads. The system lets go of it when its holder dies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from retouch_safety.audit.errors import AuditFailed

_POLL: Final = 0.002  # seconds, doubled up to _SLOWEST
_SLOWEST: Final = 0.05


@contextmanager
def locked(path: Path, patience: float) -> Iterator[None]:
    """Hold a lock file.

    Args:
        path: made when missing, never removed.
        patience: seconds to wait for it.

    Raises:
        AuditFailed: it stayed taken, or cannot be opened.
    """
    try:
        # a descriptor of its own for every holder: threads of one process exclude each other too
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        fix = "check the folder and its permissions"
        raise AuditFailed("lock", f"{path.name}: {error}", fix) from error
    try:
        _wait(handle, path, patience)
        yield
    finally:
        os.close(handle)  # also unlocks


def _wait(handle: int, path: Path, patience: float) -> None:
    deadline, pause = time.monotonic() + patience, _POLL
    while not _taken(handle):
        if time.monotonic() >= deadline:
            fix = "end the process that holds it"
            raise AuditFailed("lock", f"{path.name} is taken for over {patience:g} s", fix)
        time.sleep(pause)
        pause = min(2 * pause, _SLOWEST)


if sys.platform == "win32":
    import msvcrt

    def _taken(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _taken(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
