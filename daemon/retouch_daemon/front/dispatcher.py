"""The queue: which jobs are at work, and what becomes of them; :mod:`.workshop` does the work."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from retouch.v1 import errors_pb2, job_pb2
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.returning_jobs import ReturningJobs
from retouch_daemon.front.running import ATTEMPTS, Deaths, Running
from retouch_daemon.front.start_troubles import StartTroubles
from retouch_daemon.front.waiting_jobs import WaitingJobs
from retouch_daemon.front.worker_options import WorkerOptions
from retouch_daemon.front.workshop import Workshop
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.errors import StorageError, UnknownJob
from retouch_daemon.storage.job_records import JobRecord, NewJob, State
from retouch_daemon.storage.journal import Journal

#: Jobs at work at once: enough to fill forwards, few enough for the workers' memory; and how many
#: more of the class that somebody is painting with.
RUNNING: Final = 8
MORE_LIVE: Final = 2
#: How many more where nothing of their client is at work: many jobs of one do not shut others out.
MORE_CLIENTS: Final = 4
#: The class that goes first.
LIVE: Final = 0
#: Seconds between two looks at time limits.
TICK: Final = 0.5

_log = logging.getLogger(__name__)


class Dispatcher:
    """Puts queued jobs to work: by class, then whose client has least at work, then by arrival.

    Args:
        journal: of jobs.
        blobs: where results go.
        feed: tells events.
        options: how the workers are started.
    """

    def __init__(
        self, journal: Journal, blobs: BlobStore, feed: EventFeed, options: WorkerOptions
    ) -> None:
        self._journal, self._feed = journal, feed
        self._waiting = WaitingJobs()
        self._returning = ReturningJobs(journal, feed, self._put, self.forget)
        self._deaths = Deaths()
        self._attempts = itertools.count(1)
        self._filling = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        #: Whether a task is about to fill: those that ask meanwhile are served by the same one.
        self._is_due = False
        #: Whether nothing new is begun any more, and whether what runs is left to the next start.
        self.draining = self.stopping = False
        self.workshop = Workshop(self, blobs, feed, options, self._deaths)
        self.gate, self.engine = self.workshop.gate, self.workshop.engine
        self.numbers = self.workshop.numbers
        self._troubles = StartTroubles(feed, (self.gate, self.engine))

    @property
    def ready(self) -> bool:
        """Whether edits can run: the engine is there, and the gate has loaded what it checks by."""
        return self.gate.ready and self.workshop.gate_life.warm and self.engine.ready

    @property
    def waiting(self) -> list[JobRecord]:
        """Jobs that are not begun, or not again."""
        return [*self._waiting, *self._returning.jobs]

    def ready_of(self, client: str, priority: int) -> int:
        """Return how many jobs of a client and a class wait for nothing but their turn."""
        return self._waiting.ready_of(client, priority)

    @property
    def running(self) -> list[JobRecord]:
        """Jobs at work."""
        return [each.job for each in self.workshop.running.values()]

    @property
    def held(self) -> int:
        """Jobs at work that are paused: they keep what they have, and others run meanwhile."""
        return sum(job.paused for job in self.running)

    def runs(self, job_id: str) -> bool:
        """Whether a job is at work."""
        return job_id in self.workshop.running

    async def serve(self, job: JobRecord) -> None:
        """Serve a job from now on as its record says: its class, and whether it is paused."""
        if job.job_id in self._waiting:
            self._waiting.put(job)
        self._returning.change(job)
        self.workshop.serve(job)
        await self.fill()

    async def recover(self) -> None:
        """Take up what an earlier daemon left, before anybody can ask for it.

        Raises:
            StorageError.
        """
        for job in await asyncio.to_thread(self._journal.recover):
            self._waiting.put(job)
            self._feed.observer.queued(job)

    async def run(self) -> None:
        """Work until :meth:`stop`."""
        limits = asyncio.create_task(self._watch_limits())
        try:
            await self.workshop.run()
        finally:
            limits.cancel()

    async def stop(self) -> None:
        """End the workers; what runs begins again at the next start."""
        self.stopping = True
        await self.workshop.stop()

    async def submit(self, new: NewJob) -> tuple[JobRecord, bool]:
        """Keep and queue a job; return it and whether it is new. Raises as ``Journal.submit``."""
        # Shielded: a caller who leaves meanwhile must not leave a job kept, but in no queue.
        return await asyncio.shield(self._submitted(new))

    async def _submitted(self, new: NewJob) -> tuple[JobRecord, bool]:
        job, is_new = await asyncio.to_thread(self._journal.submit, new)
        if is_new:
            self._waiting.put(job)
            self._feed.observer.queued(job)
            await self.fill()
        return job, is_new

    async def cancel(self, jobs: Iterable[JobRecord], reason: str) -> list[str]:
        """Cancel jobs, wherever they are; return the names of those that were not over."""
        told = []
        for job in jobs:
            waiting = self._waiting.take(job.job_id) or self._returning.take(job.job_id)
            running = self.workshop.dropped(job.job_id)
            if waiting is None and running is None:
                continue
            cancelled = running.cancelled(reason) if running else job_pb2.Cancelled(reason=reason)
            try:
                event = job_pb2.JobEvent(cancelled=cancelled)
                over = await self._feed.publish(job.job_id, event, state=State.CANCELLED)
            except StorageError as problem:
                _log.error("cannot end job %s: %s", job.job_id, problem)
                self._returning.later(job, reason)
                over = True
            else:
                self._let_go(job.job_id)
            if over:
                told.append(job.job_id)
        self.fill_soon()
        return told

    async def fill(self) -> None:
        """Put to work what there is room for, and tell the others how many are before them."""
        async with self._filling:
            while self.gate.ready and (job := self._next()) is not None:
                self._waiting.take(job.job_id)
                await self._begin(job)
            await self._tell_places()

    async def _tell_places(self) -> None:
        """Tell those that wait how many are before them: once, and again where somebody watches."""
        for job_id, place in self._waiting.news(self._feed.watched):
            event = job_pb2.JobEvent(queued=job_pb2.Queued(position=place))
            with suppress(UnknownJob):  # it is over and forgotten meanwhile, as live ones are
                await self._feed.publish(job_id, event)

    def _next(self) -> JobRecord | None:
        """The job to begin now, None where there is none or no room for it."""
        at_work = Counter(each.client for each in self.running)
        job = None if self.draining else self._waiting.next(at_work)
        if job is None:
            return None
        room = RUNNING + self.held + (MORE_LIVE if job.priority == LIVE else 0)
        room += 0 if at_work[job.client] else MORE_CLIENTS
        return job if len(self.workshop.running) < room else None

    def fill_soon(self) -> None:
        """As :meth:`fill`, in a task: a worker's frames must be read meanwhile."""
        if not self._is_due:
            self._is_due = True
            task = asyncio.create_task(self._filled())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _filled(self) -> None:
        self._is_due = False
        try:
            await self.fill()
        except StorageError as problem:
            _log.error("cannot look after the queue: %s", problem)

    async def _begin(self, job: JobRecord) -> None:
        running = Running(job, b"", next(self._attempts))
        self.workshop.running[job.job_id] = running
        try:
            request = await asyncio.to_thread(self._journal.begin, job.job_id)
            running.told = await asyncio.to_thread(self._told, job.job_id)
        except StorageError as problem:
            _log.error("cannot begin job %s: %s", job.job_id, problem)
            if self.workshop.running.get(job.job_id) is running:
                del self.workshop.running[job.job_id]
                self._returning.later(running.job)
            return
        if self.workshop.running.get(job.job_id) is running:  # not cancelled meanwhile
            running.request = request
            self._feed.observer.began(running.job)
            self.workshop.begin(running)

    def _told(self, job_id: str) -> int:
        """How many variants of a job are kept already."""
        events = map(job_pb2.JobEvent.FromString, self._journal.events(job_id))
        return sum(event.WhichOneof("event") in ("result", "blocked") for event in events)

    async def lost(self, running: Running, worker: str) -> None:
        """Queue a job that died with a worker, or end it where it has done so too often."""
        self.workshop.lost(running.job_id)
        if self._deaths.note(running.job_id):
            await self.fail_as_killer(running.job, worker)
        else:
            await self._returning.now(running.job)

    def stall(self, job: JobRecord) -> None:
        """Try again, until the disk lets a job go on."""
        self._returning.later(job)

    def _put(self, job: JobRecord) -> None:
        self._waiting.put(job)
        self.fill_soon()

    async def fail_as_killer(self, job: JobRecord, worker: str) -> None:
        """End a job that died with too many workers."""
        message = f"the {worker} ended {ATTEMPTS} times while it worked on this edit"
        await self.fail(job, errors_pb2.ERROR_CODE_INTERNAL, message, "make the edit smaller")

    async def fail(
        self, job: JobRecord, code: errors_pb2.ErrorCode.ValueType, message: str, fix: str
    ) -> None:
        """End a job with an error; where the disk does not let it, it begins again later."""
        self._waiting.take(job.job_id)
        self.workshop.dropped(job.job_id)
        failed = errors_pb2.Failed(code=code, message=message, fix=fix, retryable=True)
        event = job_pb2.JobEvent(failed=failed)
        try:
            await self._feed.publish(job.job_id, event, state=State.FAILED)
        except StorageError as problem:
            _log.error("cannot end job %s: %s", job.job_id, problem)
            self._returning.later(job)
        else:
            self.forget(job.job_id)

    def forget(self, job_id: str) -> None:
        """The job is over."""
        self._let_go(job_id)
        self.fill_soon()

    def _let_go(self, job_id: str) -> None:
        self._waiting.take(job_id)
        self._returning.over(job_id)
        self._deaths.forget(job_id)

    async def _watch_limits(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            try:
                await self._end_late()
                await self._returning.retry()
                await self.fill()
                await self._troubles.tell([*self.waiting, *self.running])
            except StorageError as problem:
                _log.error("cannot look after the queue: %s", problem)
            except Exception:  # limits and places of all jobs hang on this
                _log.exception("cannot look after the queue")

    async def _end_late(self) -> None:
        now = time.time()
        at_work = [running.job for running in self.workshop.running.values()]
        for job in (*self.waiting, *at_work):
            if job.deadline is not None and now > job.deadline:
                message = "the time limit passed before the edit was done"
                code = errors_pb2.ERROR_CODE_TIME_LIMIT
                await self.fail(job, code, message, "allow more time")
