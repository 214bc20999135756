"""Blobs that are kept for a while whatever else needs room: somebody was just told of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

#: Seconds for which a picture is kept whatever else needs room: whoever is told of it may fetch it.
FETCH_SECONDS: Final = 60.0


class Held:
    """Digests, each with the time until which it is held. Safe for several threads.

    Args:
        now: a clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def hold(self, digest: str, seconds: float) -> None:
        """Hold a blob for so long at least."""
        now = self._now()
        with self._lock:
            self._until = {d: until for d, until in self._until.items() if until > now}
            self._until[digest] = max(now + seconds, self._until.get(digest, now))

    def __contains__(self, digest: str) -> bool:
        with self._lock:
            return self._until.get(digest, 0.0) > self._now()
