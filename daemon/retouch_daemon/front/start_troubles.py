"""Tells those whose edits wait that a worker cannot be started: otherwise they wait in silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from retouch.v1 import job_pb2, plan_pb2
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.worker_process import WorkerProcess
from retouch_daemon.storage.errors import UnknownJob

#: Short lives in a row from which on it is told. Two are chance: a machine short of memory, a
#: package that is being updated.
TROUBLE: Final = 3


class StartTroubles:
    """Warns every job once, for as long as a worker ends again and again before it can work.

    A job is kept and goes on when the cause is mended, however long that takes: a daemon that is
    stopped, mended and started again serves it. So it is warned and not failed.

    Args:
        feed: tells events.
        workers: that edits need.
    """

    def __init__(self, feed: EventFeed, workers: Sequence[WorkerProcess]) -> None:
        self._feed, self._workers = feed, workers
        self._told: set[str] = set()

    async def tell(self, waiting: Iterable[str]) -> None:
        """Warn those that were not warned yet; should it happen again, they are warned again.

        Args:
            waiting: names of the jobs that wait for a worker; none where all of them can work.

        Raises:
            StorageFailed.
        """
        names = set(waiting)
        self._told &= names
        worker = max(self._workers, key=lambda each: each.short_lives)
        if worker.short_lives < TROUBLE:
            return
        message = (
            f"the edit waits: the {worker.name} ended {worker.short_lives} times soon after its "
            "start, and is started again; the daemon's log says why"
        )
        for name in names - self._told:
            self._told.add(name)
            event = job_pb2.JobEvent(warning=plan_pb2.Warning(message=message))
            with suppress(UnknownJob):  # it is over and forgotten meanwhile
                await self._feed.publish(name, event)
