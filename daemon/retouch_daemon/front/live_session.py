"""A live session: frames in, pictures out, and only the newest frame counts."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from typing import Final

from retouch.errors import RetouchError
from retouch.v1 import edit_pb2, job_pb2, live_pb2
from retouch_daemon.failures import failed_of
from retouch_daemon.front.dispatcher import LIVE, Dispatcher
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.live_canvas import LiveFrames
from retouch_daemon.front.live_outputs import LiveOutputs
from retouch_daemon.front.named_blobs import checked_blobs
from retouch_daemon.front.work_size import pixels_of
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.errors import StorageError
from retouch_daemon.storage.job_records import JobRecord, NewJob
from retouch_daemon.storage.journal import Journal

#: Seconds without a picture after which the frame at work is let finish, unless a client chooses.
SHOW_EVERY: Final = 0.5
#: Frames that were replaced and have not ended yet, of one session.
_MOST_ENDING: Final = 3
#: Seconds after which nobody wants a frame, should the daemon have been killed meanwhile.
_OUTDATED: Final = 600.0

_log = logging.getLogger(__name__)


class LiveSession:
    """One client's brush.

    Every frame is a job like any other, forgotten as soon as it is over.

    Args:
        journal: of jobs. blobs: of canvases and results. feed: of events. dispatcher: the queue.
        client: whose it is.
    """

    def __init__(
        self,
        journal: Journal,
        blobs: BlobStore,
        feed: EventFeed,
        dispatcher: Dispatcher,
        client: str,
    ) -> None:
        self._journal, self._blobs, self._feed = journal, blobs, feed
        self._dispatcher, self._client = dispatcher, client
        self._frames = LiveFrames(blobs, client)
        self._outputs = LiveOutputs(blobs)
        self._name = secrets.token_hex(8)
        self._show_every = SHOW_EVERY
        self._waiting: int | None = None
        self._changed = asyncio.Event()
        self._no_more = False
        self._jobs: dict[int, JobRecord] = {}
        self._following: dict[int, asyncio.Task[None]] = {}

    async def run(
        self, requests: AsyncIterator[live_pb2.LiveRequest]
    ) -> AsyncIterator[live_pb2.LiveResponse]:
        """Take frames, and yield what comes of them until both are at their ends."""
        work = [
            asyncio.create_task(self._read(requests)),
            asyncio.create_task(self._serve()),
        ]
        try:
            async for response in self._outputs.until(work[1]):
                yield response
            await work[1]
        finally:
            for task in work:
                task.cancel()
            # Shielded: the call itself is being cancelled where its client has gone.
            await asyncio.shield(self._leave(work))

    async def _read(self, requests: AsyncIterator[live_pb2.LiveRequest]) -> None:
        """Take every frame at once, whatever is at work: no stroke waits in a buffer."""
        try:
            async for request in requests:
                if request.HasField("show_every"):
                    self._show_every = request.show_every.ToNanoseconds() / 1e9
                try:
                    await self._frames.apply(request)
                except (RetouchError, StorageError, ValueError) as problem:
                    self._outputs.put(request.frame, failed=failed_of(problem))
                    continue
                if self._waiting is not None:
                    self._replaced(self._waiting)
                self._waiting = request.frame
                self._changed.set()
        finally:
            self._no_more = True
            self._changed.set()

    async def _serve(self) -> None:
        """Begin the newest frame whenever it may be begun."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._waiting is None:
                if self._no_more and not self._following:
                    return
                continue
            if self._starved() or len(self._following) > _MOST_ENDING:
                continue  # the end of one that is at work sets the event again
            for frame, job in list(self._jobs.items()):
                await self._dispatcher.cancel([job], "replaced")
                self._jobs.pop(frame, None)
            await self._begin()

    def _starved(self) -> bool:
        """Whether the frame at work may finish, because nothing has been shown for long."""
        return bool(self._jobs) and self._outputs.unseen_seconds() > self._show_every > 0

    async def _begin(self) -> None:
        frame, self._waiting = self._waiting, None
        assert frame is not None
        try:
            edit = await self._frames.request()
            job, _ = await self._dispatcher.submit(await self._new_job(frame, edit))
        except (RetouchError, StorageError, ValueError) as problem:
            self._outputs.put(frame, failed=failed_of(problem))
            self._changed.set()
            return
        self._jobs[frame] = job
        self._following[frame] = asyncio.create_task(self._follow(frame, job))

    async def _new_job(self, frame: int, edit: edit_pb2.EditRequest) -> NewJob:
        digests = await asyncio.to_thread(checked_blobs, edit, self._blobs)
        edit.client_job_id = f"live-{self._name}-{frame}"
        edit.priority = edit_pb2.PRIORITY_CLASS_LIVE
        return NewJob(
            client=self._client,
            client_job_id=edit.client_job_id,
            request=edit.SerializeToString(),
            document=edit.document_id,
            priority=LIVE,
            blobs=tuple(digests),
            deadline=time.time() + _OUTDATED,
            pixels=await asyncio.to_thread(pixels_of, edit, self._blobs.folder),
        )

    async def _follow(self, frame: int, job: JobRecord) -> None:
        try:
            async for event in self._feed.watch(job.job_id, 0):
                await self._tell(frame, event)
        except Exception as problem:  # whatever it is, the session goes on with the next frame
            self._outputs.put(frame, failed=failed_of(problem))
        self._jobs.pop(frame, None)
        self._changed.set()
        try:
            await asyncio.to_thread(self._journal.delete, job.job_id)
        except StorageError as problem:
            _log.error("cannot forget live job %s: %s", job.job_id, problem)
        self._following.pop(frame, None)
        self._changed.set()

    async def _tell(self, frame: int, event: job_pb2.JobEvent) -> None:
        kind = event.WhichOneof("event")
        if kind == "cancelled":
            self._replaced(frame)
        elif kind in ("blocked", "failed"):
            self._outputs.put(frame, **{kind: getattr(event, kind)})
        elif kind in ("progress", "preview", "result") and frame in self._jobs:
            await self._outputs.show(frame, kind, getattr(event, kind))

    def _replaced(self, frame: int) -> None:
        self._outputs.put(frame, cancelled=job_pb2.Cancelled(reason="replaced"))

    async def _leave(self, work: list[asyncio.Task[None]]) -> None:
        """End what is at work, and wait until it is over and forgotten."""
        await asyncio.gather(*work, return_exceptions=True)
        await self._dispatcher.cancel(list(self._jobs.values()), "disconnected")
        await asyncio.gather(*self._following.values(), return_exceptions=True)
