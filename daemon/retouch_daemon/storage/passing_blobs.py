"""Pictures on the way to whoever looks at them now: in memory, for a while, never on the disk.

A preview is old when the next one comes, and three waits for the disk are most of what it takes to
store one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PassingBlob:
    """One of them.

    Attributes:
        data: its bytes.
        client: whose it is.
        until: when it is forgotten, on the clock of all.
    """

    data: bytes
    client: str
    until: float


class PassingBlobs:
    """Bytes by their digest. Safe for several threads.

    Args:
        most: bytes of all.
        now: a clock in seconds.
    """

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._now = most, now
        self._known: dict[str, PassingBlob] = {}
        self._lock = threading.Lock()

    def keep(self, digest: str, data: bytes, client: str, seconds: float) -> bool:
        """Keep bytes for so long; False, and nothing is kept, where there is no room for them."""
        with self._lock:
            now = self._now()
            self._known = {name: one for name, one in self._known.items() if one.until > now}
            others = sum(len(one.data) for name, one in self._known.items() if name != digest)
            if others + len(data) > self._most:
                return False
            self._known[digest] = PassingBlob(data, client, now + seconds)
            return True

    def get(self, digest: str) -> PassingBlob | None:
        """Return what is kept under a digest, None where there is nothing, or not any longer."""
        with self._lock:
            found = self._known.get(digest)
            return found if found is not None and found.until > self._now() else None
