"""Edits of the facade at work: one answer at the end, and how far it is meanwhile."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from retouch.v1 import blob_service_pb2, edit_service_pb2, errors_pb2, job_pb2
from retouch_bridge.gateway.blob_downloads import uploaded_bytes
from retouch_bridge.gateway.daemon_calls import Caller, Daemon
from retouch_bridge.gateway.refusals import Refused, packed, refusal
from retouch_bridge.gateway.request_bodies import PIECE
from retouch_bridge.gateway.sdapi.edits import GROUP, Wanted

#: Jobs whose course is told; the earliest are forgotten.
_MOST: Final = 64


class Job:
    """One edit at work.

    Attributes:
        job_id: the daemon's name; empty until it is known.
        caller: whose it is.
        began: when, in seconds of the monotonic clock.
        step, of_steps: of the network.
        share: of the whole that is done, 0 to 1.
        remaining: seconds to the end; 0 while that is not known.
        results: what was released.
        blocked: what the gate refused.
        cancelled: whether it was interrupted.
    """

    def __init__(self, caller: Caller) -> None:
        self.job_id, self.caller, self.began = "", caller, time.time()
        self.step = self.of_steps = 0
        self.share = self.remaining = 0.0
        self.results: list[job_pb2.Result] = []
        self.blocked: list[errors_pb2.Blocked] = []
        self.cancelled = False
        self._shares: list[float] = []

    def take(self, event: job_pb2.JobEvent) -> None:
        """Note an event. Raises Refused: the job has failed."""
        self.job_id = event.job_id
        kind = event.WhichOneof("event")
        if kind == "phases":
            self._shares = [phase.share for phase in event.phases.phases]
        elif kind == "progress":
            self._move(event.progress)
        elif kind == "result":
            self.results.append(event.result)
        elif kind == "blocked":
            self.blocked.append(event.blocked)
        elif kind == "cancelled":
            self.cancelled = True
        elif kind == "failed":
            raise Refused("internal", event.failed.message, (packed(event.failed),))

    def _move(self, progress: job_pb2.Progress) -> None:
        before = sum(self._shares[: progress.phase])
        own = self._shares[progress.phase] if progress.phase < len(self._shares) else 0.0
        done = before + own * progress.step / max(1, progress.of_steps)
        self.share = max(self.share, min(1.0, done))
        self.step, self.of_steps = progress.step, progress.of_steps
        self.remaining = progress.remaining.ToNanoseconds() / 1e9


class Jobs:
    """Runs edits, and knows which are at work.

    Args:
        daemon: that runs them.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._running: list[Job] = []

    def newest(self, caller: Caller) -> Job | None:
        """Return the newest job of a caller that is at work."""
        return next((job for job in reversed(self._running) if job.caller == caller), None)

    def count(self, caller: Caller) -> int:
        """Return how many jobs of a caller are at work."""
        return sum(job.caller == caller for job in self._running)

    async def run(self, wanted: Wanted, caller: Caller) -> Job:
        """Run an edit to its end; being cancelled cancels it.

        Raises:
            Refused: it failed, or the gate released nothing.
        """
        for digest, data in wanted.pictures.items():
            await self._upload(digest, data, caller)
        job = Job(caller)
        self._running = [*self._running, job][-_MOST:]
        try:
            asked = edit_service_pb2.RunRequest(edit=wanted.edit)
            answers = self._daemon.follow("EditService/Run", asked, caller)
            async with aclosing(answers):
                async for answer in answers:
                    job.take(answer.event)
        finally:
            self._running = [each for each in self._running if each is not job]
        if job.blocked and not job.results:
            blocked = job.blocked[0]
            raise Refused("permission_denied", blocked.advice, (packed(blocked),))
        return job

    async def interrupt(self, caller: Caller) -> None:
        """Cancel the jobs of a caller. Raises Refused."""
        asked = edit_service_pb2.CancelRequest(group=GROUP)
        await self._daemon.ask("EditService/Cancel", asked, caller)

    async def picture(self, digest: str, caller: Caller) -> bytes:
        """Return a picture as the gate has encoded it. Raises Refused."""
        asked = blob_service_pb2.GetRequest(sha256=digest)
        answers: AsyncGenerator[Any] = self._daemon.follow("BlobService/Get", asked, caller)
        async with aclosing(answers):
            return b"".join([answer.chunk async for answer in answers])

    async def _upload(self, digest: str, data: bytes, caller: Caller) -> None:
        there = await uploaded_bytes(self._daemon, digest, caller)
        if there is not None:
            blob = await self._daemon.put(digest, there, _pieces(data, there), caller)
            if blob.size_bytes != len(data):
                raise refusal("data_loss", "an upload went wrong", "send it again")


async def _pieces(data: bytes, offset: int) -> AsyncIterator[bytes]:
    for begin in range(offset, len(data), PIECE):
        yield data[begin : begin + PIECE]
