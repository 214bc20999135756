"""How many rows a forward takes: as many as make each of them cheaper, and no more.

Rows beyond the knee of t(rows) only make everybody in the forward wait: on a processor each costs
nearly as much as the first, on a large GPU eight cost little more than one. Where the knee is
depends on device, network and shape, so it is measured, on the forwards that are run anyway.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

#: Forwards of a size that are timed before it is judged; the fastest counts, as whatever else the
#: machine does only makes them slower.
ENOUGH: Final = 4
#: After those, one in so many is timed.
_TIMED: Final = 8
#: Timings of a size that are kept.
_KEPT: Final = 8
#: A smaller forward is preferred that costs at most so much more per row than the cheapest.
_NEARLY: Final = 0.1
#: Choices after which the next larger size is tried again: a machine may have been busy.
_TRY_AGAIN: Final = 64
#: Networks and shapes whose timings are kept.
_MOST: Final = 64


def no_wait() -> None:
    """Wait for nothing: on a processor a forward is done when it returns."""


class _Bucket:
    """Timings of one network and shape, by the size of a forward: the least bound that holds it.

    Args:
        bounds: 1, 2, 4 ... most rows.
    """

    def __init__(self, bounds: list[int]) -> None:
        self._bounds = bounds
        self._seconds: dict[int, deque[float]] = {bound: deque(maxlen=_KEPT) for bound in bounds}
        self._tries = dict.fromkeys(bounds, 0)
        self._choices = self._forwards = 0

    def cap(self, least: int, wanted: int) -> int:
        usable = [bound for bound in self._bounds if bound >= least]
        if not usable:
            return least
        for bound in usable:
            # What waits may not add up to this size: it is not tried for ever.
            untried = len(self._seconds[bound]) < ENOUGH and self._tries[bound] < 2 * ENOUGH
            if untried and wanted > bound // 2:
                self._tries[bound] += 1
                return bound
        knee = self._knee(usable)
        self._choices += wanted > knee
        if wanted > knee and self._choices % _TRY_AGAIN == 0:
            return min(2 * knee, self._bounds[-1])
        return knee

    def _knee(self, usable: list[int]) -> int:
        costs = {bound: min(self._seconds[bound]) for bound in usable if len(self._seconds[bound])}
        if not costs:
            return usable[-1]
        good = (1 + _NEARLY) * min(costs.values())
        return next(bound for bound, cost in costs.items() if cost <= good)

    def due(self, rows: int) -> bool:
        """Whether a forward is to be timed: on a GPU that keeps the next one waiting."""
        self._forwards += 1
        return len(self._seconds[self._bound(rows)]) < ENOUGH or not self._forwards % _TIMED

    def note(self, rows: int, seconds: float) -> None:
        self._seconds[self._bound(rows)].append(seconds / rows)

    def _bound(self, rows: int) -> int:
        return next((bound for bound in self._bounds if bound >= rows), self._bounds[-1])


class RowCaps:
    """Measures and answers.

    Args:
        most: rows of a forward, whatever is measured.
        wait: returns when the device has done what it was asked for.
        now: a clock in seconds.
    """

    def __init__(
        self,
        most: int,
        wait: Callable[[], None] = no_wait,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.most, self._wait, self._now = most, wait, now
        self._bounds = [2**power for power in range(most.bit_length()) if 2**power < most]
        self._bounds.append(most)
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def cap(self, bucket: Hashable, least: int, wanted: int) -> int:
        """Return the most rows of the next forward.

        Args:
            bucket: network and shape.
            least: rows of the edit that it is for; those run in any case.
            wanted: rows that wait.
        """
        return self._of(bucket).cap(least, wanted)

    @contextmanager
    def timed(self, bucket: Hashable, rows: int) -> Iterator[None]:
        """Time a forward, if that is due; one that fails does not count."""
        timings = self._of(bucket)
        if not timings.due(rows):
            yield
            return
        self._wait()
        began = self._now()
        yield
        self._wait()
        timings.note(rows, self._now() - began)

    def _of(self, bucket: Hashable) -> _Bucket:
        if bucket not in self._buckets:
            self._buckets[bucket] = _Bucket(self._bounds)
        self._buckets.move_to_end(bucket)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return self._buckets[bucket]
