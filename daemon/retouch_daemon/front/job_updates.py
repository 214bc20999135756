"""What an Update asks for, and what comes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from retouch.errors import InvalidField
from retouch.v1 import edit_service_pb2 as pb
from retouch_daemon.front.dispatcher import RUNNING, Dispatcher
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.job_messages import checked_limit, checked_name, checked_priority, updated
from retouch_daemon.storage.errors import QuotaExceeded, UnknownJob
from retouch_daemon.storage.job_records import JobRecord, Service
from retouch_daemon.storage.journal import Journal


def service_of(request: pb.UpdateRequest, job: JobRecord, now: float) -> Service:
    """Return how a job is served after an Update.

    Args:
        request: what is asked.
        job: as it is.
        now: seconds since the epoch.

    Raises:
        InvalidField: naming it.
    """
    priority = job.priority
    if request.priority:
        priority = checked_priority(request.priority)
    group = job.group
    if request.HasField("new_group"):
        group = checked_name("new_group", request.new_group)
    deadline = job.deadline
    if request.WhichOneof("new_limit") == "time_limit":
        deadline = now + checked_limit(request.time_limit)
    elif request.WhichOneof("new_limit") == "no_time_limit":
        if not request.no_time_limit:
            raise InvalidField("no_time_limit", False, "true", "leave it out")
        deadline = None
    paused = request.paused if request.HasField("paused") else job.paused
    return Service(priority, paused, group, deadline)


class JobUpdates:
    """Changes how jobs are served.

    Args:
        journal: of jobs. feed: tells watchers. dispatcher: serves them.
    """

    def __init__(self, journal: Journal, feed: EventFeed, dispatcher: Dispatcher) -> None:
        self._journal, self._feed, self._dispatcher = journal, feed, dispatcher
        #: Updates are served in the order in which the journal has them.
        self._turn = asyncio.Lock()

    async def apply(self, request: pb.UpdateRequest, jobs: Sequence[JobRecord]) -> list[JobRecord]:
        """Change jobs; return those that were not over, as they are now.

        Raises:
            InvalidField: and nothing has changed.
            QuotaExceeded: too many running jobs would be paused; nothing has changed.
        """
        now = time.time()
        services = [service_of(request, job, now) for job in jobs]
        # Shielded: a caller who leaves meanwhile must not leave the journal and the queue apart.
        return await asyncio.shield(self._applied(jobs, services))

    async def _applied(
        self, jobs: Sequence[JobRecord], services: Sequence[Service]
    ) -> list[JobRecord]:
        changed = []
        async with self._turn:
            self._check_held(jobs, services)
            for job, service in zip(jobs, services, strict=True):
                with suppress(UnknownJob):  # over and forgotten meanwhile, as live ones are
                    if found := await self._serve(job.job_id, service):
                        changed.append(found)
        return changed

    async def _serve(self, job_id: str, service: Service) -> JobRecord | None:
        found = await asyncio.to_thread(self._journal.serve, job_id, service)
        if found is not None:
            await self._dispatcher.serve(found)
            await self._feed.publish(job_id, updated(found))
        return found

    def _check_held(self, jobs: Sequence[JobRecord], services: Sequence[Service]) -> None:
        more = sum(
            service.paused - job.paused
            for job, service in zip(jobs, services, strict=True)
            if self._dispatcher.runs(job.job_id)
        )
        held = self._dispatcher.held + more
        if more > 0 and held > RUNNING:
            fix = "cancel some, or resume some"
            raise QuotaExceeded("paused jobs that had begun", held, RUNNING, fix)
