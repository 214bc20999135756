"""Tells those whose edits wait that a worker cannot be started: otherwise they wait in silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from retouch.v1 import job_pb2, plan_pb2
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.worker_process import WorkerProcess
from retouch_daemon.storage.errors import UnknownJob
from retouch_daemon.storage.job_records import JobRecord

#: Failed starts in a row from which on it is told. Two are chance: a machine short of memory, a
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

    async def tell(self, jobs: Iterable[JobRecord]) -> None:
        """Warn those that were not warned yet; should it happen again, they are warned again.

        Args:
            jobs: all that are not over.

        Raises:
            StorageFailed.
        """
        worker = max(self._workers, key=lambda each: each.failed_starts)
        troubled = worker.failed_starts >= TROUBLE
        names = {job.job_id for job in jobs if troubled and not job.paused}
        self._told &= names
        message = (
            f"the edit waits: the {worker.name} ended {worker.failed_starts} times before it could "
            "work, and is started again; the daemon's log says why"
        )
        for name in names - self._told:
            event = job_pb2.JobEvent(warning=plan_pb2.Warning(message=message))
            with suppress(UnknownJob):  # it is over and forgotten meanwhile
                await self._feed.publish(name, event)
            self._told.add(name)
