"""Jobs on their way back into the queue: a worker died with them, or the disk refused."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from retouch.v1 import job_pb2, plan_pb2
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.storage.errors import StorageError, UnknownJob
from retouch_daemon.storage.job_records import JobRecord, State
from retouch_daemon.storage.journal import Journal

#: Seconds after which a job is tried again whose results the disk refused: the first time, doubled
#: every time after that, and at most. Each try is the whole edit, and a disk may be full for days.
PAUSES: Final = (0.5, 60.0)

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Returning:
    """One of them.

    Attributes:
        job: as it is served from now on.
        due: when it is tried, on the loop's clock.
        leaving: why it is cancelled, where it is; empty where it goes on.
        trying: whether that is under way.
    """

    job: JobRecord
    due: float = 0.0
    leaving: str = ""
    trying: bool = False


class ReturningJobs:
    """Brings jobs back into the queue; meanwhile they can be changed and taken out.

    Args:
        journal: of jobs. feed: tells their watchers.
        put: queues a job.
        forget: told where a job is over.
    """

    def __init__(
        self,
        journal: Journal,
        feed: EventFeed,
        put: Callable[[JobRecord], None],
        forget: Callable[[str], None],
    ) -> None:
        self._journal, self._feed, self._put, self._forget = journal, feed, put, forget
        self._jobs: dict[str, _Returning] = {}
        self._pauses: dict[str, float] = {}

    @property
    def jobs(self) -> list[JobRecord]:
        """All of them."""
        return [each.job for each in self._jobs.values()]

    def change(self, job: JobRecord) -> None:
        """Serve a job as it says from now on; nothing where it is not one of them."""
        if job.job_id in self._jobs:
            self._jobs[job.job_id].job = job

    def take(self, job_id: str) -> JobRecord | None:
        """Take a job out, to cancel it; None where it is not one of them."""
        found = self._jobs.pop(job_id, None)
        return None if found is None else found.job

    def over(self, job_id: str) -> None:
        """The job is over."""
        self._jobs.pop(job_id, None)
        self._pauses.pop(job_id, None)

    def later(self, job: JobRecord, leaving: str = "") -> None:
        """Try again when the disk may let a job go on, or end.

        Args:
            job: of which nothing is at work.
            leaving: why it is cancelled, where that could not be kept.
        """
        pause = self._pauses.get(job.job_id, PAUSES[0])
        self._pauses[job.job_id] = min(2 * pause, PAUSES[1])
        self._jobs[job.job_id] = _Returning(job, time.monotonic() + pause, leaving)

    async def now(self, job: JobRecord) -> None:
        """Bring back a job whose work is lost; the disk may delay that."""
        returning = self._jobs[job.job_id] = _Returning(job)
        await self._try(returning)

    async def retry(self) -> None:
        """Try those that are due."""
        now = time.monotonic()
        for each in list(self._jobs.values()):
            if each.due <= now and not each.trying:
                await self._try(each)

    async def _try(self, returning: _Returning) -> None:
        job_id, returning.trying = returning.job.job_id, True
        try:
            goes_on = await self._kept(returning)
        except UnknownJob:  # it is over and forgotten meanwhile
            self._forget(job_id)
        except StorageError as problem:
            _log.error("cannot bring back job %s: %s", job_id, problem)
            if self._jobs.get(job_id) is returning:
                self.later(returning.job, returning.leaving)
        else:
            # Otherwise it was cancelled meanwhile.
            if self._jobs.get(job_id) is returning:
                del self._jobs[job_id]
                if goes_on:
                    self._put(returning.job)
                else:
                    self._forget(job_id)

    async def _kept(self, returning: _Returning) -> bool:
        """Keep and tell what becomes of a job; return whether it goes on."""
        job_id = returning.job.job_id
        if returning.leaving:
            cancelled = job_pb2.Cancelled(reason=returning.leaving)
            event = job_pb2.JobEvent(cancelled=cancelled)
            await self._feed.publish(job_id, event, state=State.CANCELLED)
            return False
        await asyncio.to_thread(self._journal.again, job_id)
        warning = plan_pb2.Warning(message="the edit was interrupted; it begins again")
        event = job_pb2.JobEvent(warning=warning)
        return await self._feed.publish(job_id, event, begins_again=True)
