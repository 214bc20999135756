"""Which files have been read and found to be what they are called, so that few are read twice."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import BinaryIO, Final

#: Files that are remembered, and seconds after which one is read again all the same: a disk may
#: lose bits without a word.
MOST: Final = 512
SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Seen:
    """An open file as it is now: whoever writes to it changes one of these."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, file: BinaryIO) -> Seen:
        """Look at it. Raises OSError."""
        found = os.fstat(file.fileno())
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class VerifiedFiles:
    """Remembers files by digest. Safe for several threads."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[Seen, float]] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, digest: str, seen: Seen) -> bool:
        """Whether this very file was verified not long ago, and nothing has changed it since."""
        with self._lock:
            known = self._seen.get(digest)
        if known is None:
            return False
        then, when = known
        return then == seen and time.monotonic() - when < SECONDS

    def add(self, digest: str, seen: Seen) -> None:
        """Remember that a file had this digest: as it was before it was read."""
        with self._lock:
            self._seen[digest] = (seen, time.monotonic())
            self._seen.move_to_end(digest)
            if len(self._seen) > MOST:
                self._seen.popitem(last=False)
