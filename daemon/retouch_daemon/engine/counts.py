"""What the engine has done since it was started, in numbers that go with its signs of life."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from retouch_daemon.link.frames import Value

if TYPE_CHECKING:
    from retouch.models.content_cache import CacheCounts

#: Upper bounds of the rows of a forward that are counted together; above the last: ``more``.
_BOUNDS: Final = (1, 2, 4, 8, 16, 32, 64)


def remembered(counts: CacheCounts) -> dict[str, Value]:
    """How often the networks of prompts, pictures and inversions were spared."""
    return {
        "cache_hits": sum(counts.hits.values()),
        "cache_misses": sum(counts.misses.values()),
        "cache_evictions": counts.evictions,
        "cache_bytes": counts.bytes,
    }


class Counts:
    """Counts forwards.

    Attributes:
        edits: that are advanced now.
    """

    def __init__(self) -> None:
        self.edits = 0
        self._counted: Counter[str] = Counter()

    def add(self, rows: int) -> None:
        """Count a forward; one of no rows is none."""
        if rows:
            bound = next((str(bound) for bound in _BOUNDS if rows <= bound), "more")
            self._counted.update({"forwards": 1, "rows": rows, f"forwards_to_{bound}": 1})

    def values(self) -> dict[str, Value]:
        """All numbers; called from another thread, which may find them one forward apart."""
        return {**self._counted.copy(), "edits": self.edits}
