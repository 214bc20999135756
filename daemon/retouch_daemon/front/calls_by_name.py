"""How many calls are under way for each name: for a client, or for a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class CallsByName:
    """Counts calls while they are under way. All methods are called on one event loop."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @contextmanager
    def open(self, name: str) -> Iterator[int]:
        """Count a call while it is under way; yields how many of that name are, it included."""
        self._counts[name] += 1
        try:
            yield self._counts[name]
        finally:
            self._counts[name] -= 1
            if not self._counts[name]:
                del self._counts[name]

    def __contains__(self, name: str) -> bool:
        return name in self._counts

    def __iter__(self) -> Iterator[str]:
        """Names with a call under way."""
        return iter(list(self._counts))

    def total(self) -> int:
        """Return how many are under way."""
        return self._counts.total()
