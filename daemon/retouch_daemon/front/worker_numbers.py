"""What workers count, added up over their lives; a worker is believed as little as a client."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

#: Upper bounds of the rows of a forward that are counted together; above the last: ``more``.
BOUNDS: Final = (1, 2, 4, 8, 16, 32, 64)
#: Beats of which the rows per forward are remembered: one a second.
REMEMBERED: Final = 120
_MOST: Final = 1 << 62


class WorkerNumbers:
    """Takes the numbers of every beat.

    Attributes:
        recent: rows per forward of the last beats, 0 where there was none; the newest last.
    """

    def __init__(self) -> None:
        self._before: dict[str, int] = {}  # of workers that are gone
        self._last: dict[str, int] = {}
        self.recent: deque[float] = deque(maxlen=REMEMBERED)

    def beat(self, values: Mapping[str, object]) -> None:
        """Take what a worker has counted since it was started; of other values nothing."""
        found = {name: number for name, number in values.items() if _is_count(number)}
        forwards = self._since_last(found, "forwards")
        rows = self._since_last(found, "rows")
        self.recent.append(rows / forwards if forwards > 0 else 0.0)
        self._last = {name: int(str(number)) for name, number in found.items()}

    def restarted(self) -> None:
        """Begin with a new worker, which counts from 0."""
        for name, number in self._last.items():
            self._before[name] = self._before.get(name, 0) + number
        self._last = {}

    def total(self, name: str) -> int:
        """Return a number that only grows, of all workers so far."""
        return self._before.get(name, 0) + self._last.get(name, 0)

    def now(self, name: str) -> int:
        """Return a number that goes up and down, of the worker that there is."""
        return self._last.get(name, 0)

    def forwards_by_rows(self) -> list[tuple[str, int]]:
        """Return upper bounds of rows as Prometheus writes them, each with its forwards."""
        bounds = [(f"{bound}.0", self.total(f"forwards_to_{bound}")) for bound in BOUNDS]
        return [*bounds, ("+Inf", self.total("forwards_to_more"))]

    def _since_last(self, found: Mapping[str, Any], name: str) -> int:
        return int(found.get(name, 0)) - self._last.get(name, 0)


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < _MOST
