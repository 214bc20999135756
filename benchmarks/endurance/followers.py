"""Clients that submit known edits, follow them through every restart, and fetch what comes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from endurance.calls import Calls, is_gone, typed_error
from endurance.edits import KnownEdit
from endurance.kept_jobs import Record, SeenFile, SeenJob
from retouch.client.finding import Endpoint
from retouch.v1 import edit_service_pb2 as pb
from retouch.v1 import job_pb2

#: Seconds between two attempts, and after which a call is given up and made again.
_PAUSE = 0.2
_CALL = 60.0
#: Share of events after which a client drops its stream by itself, and takes it up again.
_DROPPED = 0.03
#: Most seconds between two jobs.
_REST = 0.5

_T = TypeVar("_T")


class Follower:
    """One client; ``jobs`` are its own.

    Args:
        endpoint: of the daemon.
        name: of the client.
        edits: what it asks for, in random order.
        seed: of what is random.
        record: where all that is seen goes.
    """

    def __init__(
        self, endpoint: Endpoint, name: str, edits: list[KnownEdit], seed: int, record: Record
    ) -> None:
        self._calls = Calls(endpoint, name)
        self._edits, self._record = edits, record
        self._random = random.Random(f"{seed}:{name}")
        self._number = 0
        self.jobs: list[SeenJob] = []
        self.stopping = False

    async def close(self) -> None:
        """Close the connection."""
        await self._calls.close()

    async def upload(self) -> None:
        """Upload what the edits refer to."""
        for edit in self._edits:
            for data in edit.blobs.values():
                await self._insisted(lambda data=data: self._calls.upload(data))

    async def work(self, jobs_at_once: int) -> None:
        """Submit and follow, so many at a time, until told to stop; then end what is open."""
        await asyncio.gather(*(self._one_after_another() for _ in range(jobs_at_once)))

    async def once(self, edit: KnownEdit) -> SeenJob:
        """Submit one edit and follow it to its end."""
        self._number += 1
        name = f"{self._calls.name}-{self._number}"
        message = pb.SubmitRequest(edit=edit.named(name))
        answer = await self._insisted(
            lambda: self._calls.edits.Submit(message, metadata=self._calls.metadata, timeout=_CALL),
            counted="resent",
        )
        job = SeenJob(answer.job.job_id, edit)
        if job.job_id in self._record.jobs:
            self._record.errors.append(f"{name} got the name of another job")
        self._record.jobs[job.job_id] = job
        self.jobs.append(job)
        await self._follow(job)
        return job

    async def read_again(self, job: SeenJob) -> list[job_pb2.JobEvent]:
        """All events of a job from the first one on, as they are kept."""
        asked = pb.WatchRequest(job_id=job.job_id)
        stream = self._calls.edits.Watch(asked, metadata=self._calls.metadata, timeout=_CALL)
        return [answer.event async for answer in stream]

    async def fetch(self, digest: str) -> bytes:
        """The bytes of a blob, however often the daemon is away meanwhile."""
        return await self._insisted(lambda: self._calls.fetch(digest))

    async def _one_after_another(self) -> None:
        while not self.stopping:
            try:
                await self.once(self._random.choice(self._edits))
                await asyncio.sleep(self._random.uniform(0, _REST))
            except grpc.aio.AioRpcError as problem:
                self._note(problem)
                await asyncio.sleep(_PAUSE)

    async def _follow(self, job: SeenJob) -> None:
        while not job.end:
            asked = pb.WatchRequest(job_id=job.job_id, from_seq=job.last + 1 if job.last else 0)
            call = self._calls.edits.Watch(asked, metadata=self._calls.metadata)
            try:
                async for answer in call:
                    await self._take(job, answer.event)
                    if self._random.random() < _DROPPED:
                        call.cancel()
                        break
                else:
                    if not job.end:
                        self._record.errors.append(f"{job.job_id}: its stream ended before it")
                        return
            except grpc.aio.AioRpcError as problem:
                if not is_gone(problem):
                    raise
                await asyncio.sleep(_PAUSE)
            self._record.resumed += not job.end

    async def _take(self, job: SeenJob, event: job_pb2.JobEvent) -> None:
        wrong = job.take(event)
        if wrong:
            self._record.order.append(wrong)
        kind = event.WhichOneof("event")
        if kind == "result":
            self._record.results += 1
            pictures = (("composite", event.result.composited), ("patch", event.result.patch))
            for form, image in pictures:
                if image.sha256:
                    data = await self.fetch(image.sha256)
                    job.files.append(SeenFile(form, event.result.variant, image.sha256, data))
        elif kind == "preview":
            # Looks are only for now: what a kill has taken away is no loss.
            try:
                job.previews[event.preview.image.sha256] = await self._calls.fetch(
                    event.preview.image.sha256
                )
            except grpc.aio.AioRpcError:
                return

    async def _insisted(self, call: Callable[[], Awaitable[_T]], counted: str = "") -> _T:
        """Make a call until the daemon is there to answer it."""
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as problem:
                late = problem.code() is grpc.StatusCode.DEADLINE_EXCEEDED
                if not is_gone(problem) and not late:
                    raise
                if counted:
                    self._record.resent += 1
            await asyncio.sleep(_PAUSE)

    def _note(self, problem: grpc.aio.AioRpcError) -> None:
        failed = typed_error(problem)
        words = f"{problem.code().name}: {problem.details()}"
        self._record.errors.append(f"{words} {str(failed).strip()!r}" if failed else words)
