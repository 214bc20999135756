"""The queue: which jobs the worker has, and what becomes of those that it loses."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

from google.protobuf.message import DecodeError

from retouch.v1 import errors_pb2, job_pb2, plan_pb2
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.worker_process import WorkerOptions, WorkerProcess, names
from retouch_daemon.link.frames import BrokenFrame, Frame, Value
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.errors import StorageError
from retouch_daemon.storage.journal import JobRecord, Journal, NewJob, State

#: Edits that a worker has at once: enough to fill forwards, few enough for its memory.
RUNNING: Final = 8
#: How many workers a job may have died with before it counts as what kills them.
ATTEMPTS: Final = 3
#: Seconds between two looks at time limits.
TICK: Final = 0.5

_log = logging.getLogger(__name__)


class Dispatcher:
    """Gives queued jobs to the worker, in the order of class, then of arrival.

    Args:
        journal: of jobs.
        blobs: where results go.
        feed: tells events.
        options: how the worker is started.
    """

    def __init__(
        self, journal: Journal, blobs: BlobStore, feed: EventFeed, options: WorkerOptions
    ) -> None:
        self._journal, self._blobs, self._feed = journal, blobs, feed
        self.worker = WorkerProcess(
            options, on_frame=self._on_frame, on_ready=self._on_ready, on_gone=self._on_gone
        )
        self._waiting: dict[str, JobRecord] = {}
        self._running: dict[str, JobRecord] = {}
        #: Jobs that run and are cancelled -> why: the worker may not have them yet.
        self._leaving: dict[str, str] = {}
        #: How many workers have died with a job.
        self._deaths: Counter[str] = Counter()
        #: Jobs that the disk would not let go on: tried again until it does.
        self._stalled: dict[str, JobRecord] = {}
        self._filling = asyncio.Lock()

    async def run(self) -> None:
        """Take up what an earlier daemon left, and work until :meth:`stop`."""
        for job in await asyncio.to_thread(self._journal.recover):
            self._waiting[job.job_id] = job
        limits = asyncio.create_task(self._watch_limits())
        try:
            await self.worker.keep_alive()
        finally:
            limits.cancel()

    async def stop(self) -> None:
        """End the worker; what runs begins again at the next start."""
        await self.worker.stop()

    async def submit(self, new: NewJob) -> tuple[JobRecord, bool]:
        """Keep and queue a job; return it and whether it is new. Raises as ``Journal.submit``."""
        # Shielded: a caller who leaves meanwhile must not leave a job kept, but in no queue.
        return await asyncio.shield(self._submitted(new))

    async def _submitted(self, new: NewJob) -> tuple[JobRecord, bool]:
        job, is_new = await asyncio.to_thread(self._journal.submit, new)
        if is_new:
            self._waiting[job.job_id] = job
            await self._fill()
        return job, is_new

    async def cancel(self, jobs: Iterable[JobRecord], reason: str) -> list[str]:
        """Cancel jobs; return the names of those that were not over."""
        told = []
        for job in jobs:
            waiting = self._waiting.pop(job.job_id, None) or self._stalled.pop(job.job_id, None)
            if waiting is not None:
                event = job_pb2.JobEvent(cancelled=job_pb2.Cancelled(reason=reason))
                await self._feed.publish(job.job_id, event, state=State.CANCELLED)
            elif job.job_id in self._running:
                self._leaving[job.job_id] = reason
                await self._send_cancel(job.job_id, reason)
            else:
                continue
            told.append(job.job_id)
        return told

    async def _fill(self) -> None:
        async with self._filling:
            while self.worker.ready and self._waiting and len(self._running) < RUNNING:
                job = min(self._waiting.values(), key=lambda each: each.priority)
                del self._waiting[job.job_id]
                await self._begin(job)
            for position, job_id in enumerate(list(self._waiting)):
                event = job_pb2.JobEvent(queued=job_pb2.Queued(position=position))
                await self._feed.publish(job_id, event)

    async def _begin(self, job: JobRecord) -> None:
        self._running[job.job_id] = job
        try:
            await asyncio.to_thread(self._journal.begin, job.job_id)
        except StorageError as problem:
            _log.error("cannot begin job %s: %s", job.job_id, problem)
            self._stalled[job.job_id] = self._running.pop(job.job_id)
            return
        values: dict[str, Value] = {
            "job_id": job.job_id,
            "client": job.client,
            "priority": job.priority,
        }
        if not await self.worker.send(Frame("start", values, job.request)):
            if self._running.pop(job.job_id, None) is not None:
                await self._queue_again(job)
        elif job.job_id in self._leaving:
            await self._send_cancel(job.job_id, self._leaving[job.job_id])

    async def _send_cancel(self, job_id: str, reason: str) -> None:
        await self.worker.send(Frame("cancel", {"job_id": job_id, "reason": reason}))

    async def _on_ready(self) -> None:
        # In a task: the worker's frames must be read while its queue is being filled.
        self._task = asyncio.create_task(self._fill())

    async def _on_gone(self) -> None:
        lost, self._running = list(self._running.values()), {}
        for job in lost:
            self._deaths[job.job_id] += 1
            try:
                await self._queue_again(job)
            except StorageError:
                self._stalled[job.job_id] = job

    async def _queue_again(self, job: JobRecord) -> None:
        """Queue a job that the worker has lost; end it where it is to end. Raises StorageError."""
        if (reason := self._leaving.pop(job.job_id, None)) is not None:
            event = job_pb2.JobEvent(cancelled=job_pb2.Cancelled(reason=reason))
            await self._feed.publish(job.job_id, event, state=State.CANCELLED)
            return
        if self._deaths[job.job_id] >= ATTEMPTS:
            message = f"the worker ended {ATTEMPTS} times while it ran this edit"
            await self._fail(job, errors_pb2.ERROR_CODE_INTERNAL, message, "make the edit smaller")
            return
        await asyncio.to_thread(self._journal.again, job.job_id)
        warning = plan_pb2.Warning(message="the edit was interrupted; it begins again")
        event = job_pb2.JobEvent(warning=warning)
        if await self._feed.publish(job.job_id, event, begins_again=True):
            self._waiting[job.job_id] = job

    async def _fail(
        self, job: JobRecord, code: errors_pb2.ErrorCode.ValueType, message: str, fix: str
    ) -> None:
        failed = errors_pb2.Failed(code=code, message=message, fix=fix, retryable=True)
        event = job_pb2.JobEvent(failed=failed)
        await self._feed.publish(job.job_id, event, state=State.FAILED)

    async def _on_frame(self, frame: Frame) -> None:
        job_id = str(frame.values.get("job_id", ""))
        try:
            if frame.kind == "blob":
                await asyncio.to_thread(self._blobs.add, frame.payload, "retouch")
            elif frame.kind == "event":
                await self._on_event(job_id, frame)
        except (DecodeError, ValueError) as problem:
            raise BrokenFrame(f"{frame.kind}: {problem}") from problem
        except StorageError as problem:
            _log.error("cannot keep what job %s gave: %s", job_id, problem)
            # Nothing that was not kept was told: it begins again when the disk lets it.
            # A blob is no job's yet: the event that names it cannot be kept either.
            if (job := self._running.pop(job_id, None)) is not None:
                await self._send_cancel(job_id, "storage")
                self._stalled[job_id] = job

    async def _on_event(self, job_id: str, frame: Frame) -> None:
        if job_id not in self._running:
            return  # it was ended meanwhile: by its time limit, or by the disk
        event = job_pb2.JobEvent.FromString(frame.payload)
        state = frame.values.get("state")
        over = None if state is None else State(str(state))
        await self._feed.publish(job_id, event, blobs=names(frame, "blobs"), state=over)
        if over is not None:
            self._forget(job_id)
            await self._fill()

    def _forget(self, job_id: str) -> None:
        queues = (self._waiting, self._stalled, self._running, self._leaving, self._deaths)
        for queue in queues:
            queue.pop(job_id, None)

    async def _watch_limits(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            try:
                await self._end_late()
                await self._retry_stalled()
                if self._waiting and len(self._running) < RUNNING:
                    await self._fill()  # where the disk did not let an earlier one end
            except StorageError as problem:
                _log.error("cannot look after the queue: %s", problem)

    async def _retry_stalled(self) -> None:
        stalled, self._stalled = self._stalled, {}
        for job in stalled.values():
            try:
                await self._queue_again(job)
            except StorageError:
                self._stalled[job.job_id] = job

    async def _end_late(self) -> None:
        now = time.time()
        for jobs in (self._waiting, self._stalled, self._running):
            for job in list(jobs.values()):
                if job.deadline is not None and now > job.deadline:
                    await self._end(job)

    async def _end(self, job: JobRecord) -> None:
        message = "the time limit passed before the edit was done"
        await self._fail(job, errors_pb2.ERROR_CODE_TIME_LIMIT, message, "allow more time")
        running = job.job_id in self._running
        self._forget(job.job_id)
        if running:
            await self._send_cancel(job.job_id, "time limit")
