"""A client of the daemon for asyncio; the same methods as ``retouch.client.Client``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from types import TracebackType
from typing import Any, Self, Unpack

import grpc
from numpy.typing import NDArray

from retouch.client.async_connection import AsyncConnection
from retouch.client.calls import GONE, PAUSE, update_request
from retouch.client.client import OnEvent, ignore_event
from retouch.client.edit_messages import EditSettings, edit_message, message_of_request
from retouch.client.failures import DaemonFailed, error_of_call
from retouch.client.live_messages import LiveMessages, missing_picture
from retouch.client.results import Gathering, RemoteResult, pictures_of
from retouch.client.uploads import Picture, Uploads
from retouch.request import EditRequest
from retouch.v1 import edit_pb2, edit_service_pb2, job_pb2, live_pb2, plan_pb2


class AsyncClient(AsyncConnection):
    """``async with AsyncClient() as client``; every method is as ``Client``'s of the same name."""

    async def edit(
        self, image: Picture, *, on_event: OnEvent = ignore_event, **settings: Unpack[EditSettings]
    ) -> tuple[RemoteResult, ...]:
        """Edit a picture and wait for the results."""
        message = await self.message(image, **settings)
        return await self.results(await self.submit(message), on_event=on_event)

    async def run(
        self, request: EditRequest, *, media_type: str = "", on_event: OnEvent = ignore_event
    ) -> tuple[RemoteResult, ...]:
        """Run a request in the daemon as ``Runner.run`` does here."""
        job = await self.submit(await self.message_of(request, media_type=media_type))
        return await self.results(job, on_event=on_event, first_seed=request.seed)

    async def message(
        self, image: Picture, **settings: Unpack[EditSettings]
    ) -> edit_pb2.EditRequest:
        """Return an edit as a message; what it refers to is uploaded."""
        uploads = Uploads()
        # In a thread: files are read, and pictures of many megabytes hashed.
        message = await asyncio.to_thread(partial(edit_message, uploads, image, **settings))
        await self._send(uploads)
        return message

    async def message_of(
        self, request: EditRequest, *, media_type: str = ""
    ) -> edit_pb2.EditRequest:
        """Return a request, as ``Runner.run`` takes it, as a message."""
        uploads = Uploads()
        build = partial(message_of_request, request, uploads, media_type=media_type)
        message = await asyncio.to_thread(build)
        await self._send(uploads)
        return message

    async def submit(self, message: edit_pb2.EditRequest, *, replace_group: bool = False) -> str:
        """Have a job kept; return its name."""
        asked = edit_service_pb2.SubmitRequest(edit=message, replace_group=replace_group)
        async with self._saying():
            return (await self._edits.Submit(asked, metadata=self._metadata)).job.job_id

    async def plan(self, message: edit_pb2.EditRequest) -> plan_pb2.Plan:
        """Return what a request would do."""
        asked = edit_service_pb2.PlanRequest(edit=message)
        async with self._saying():
            return (await self._edits.Plan(asked, metadata=self._metadata)).plan

    async def update(
        self,
        *job_ids: str,
        group: str = "",
        document_id: str = "",
        priority: str | None = None,
        paused: bool | None = None,
        new_group: str | None = None,
        time_limit: float | None = None,
        no_time_limit: bool = False,
    ) -> tuple[edit_service_pb2.Job, ...]:
        """Change how jobs are served."""
        asked = update_request(
            job_ids, group=group, document_id=document_id, priority=priority, paused=paused,
            new_group=new_group, time_limit=time_limit, no_time_limit=no_time_limit,
        )  # fmt: skip
        async with self._saying():
            return tuple((await self._edits.Update(asked, metadata=self._metadata)).jobs)

    async def cancel(
        self, *job_ids: str, group: str = "", document_id: str = ""
    ) -> tuple[str, ...]:
        """Cancel jobs; return those that were not over."""
        asked = edit_service_pb2.CancelRequest(
            job_ids=job_ids, group=group, document_id=document_id
        )
        async with self._saying():
            return tuple((await self._edits.Cancel(asked, metadata=self._metadata)).job_ids)

    async def jobs(self, document_id: str = "") -> tuple[edit_service_pb2.Job, ...]:
        """Return this client's jobs as they came."""
        asked = edit_service_pb2.ListJobsRequest(document_id=document_id)
        async with self._saying():
            return tuple((await self._edits.ListJobs(asked, metadata=self._metadata)).jobs)

    async def watch(self, job_id: str, from_seq: int = 0) -> AsyncIterator[job_pb2.JobEvent]:
        """Yield a job's events to its end; a dropped connection is taken up where it was."""
        away = 0.0
        while True:
            asked = edit_service_pb2.WatchRequest(job_id=job_id, from_seq=from_seq)
            try:
                async for answer in self._edits.Watch(asked, metadata=self._metadata):
                    away, from_seq = 0.0, answer.event.seq + 1
                    yield answer.event
                return
            except grpc.aio.AioRpcError as problem:
                if problem.code() not in GONE or away >= self.patience:
                    raise error_of_call(problem, self.endpoint.address) from problem
            await asyncio.sleep(PAUSE)
            away += PAUSE

    async def results(
        self, job_id: str, *, on_event: OnEvent = ignore_event, first_seed: int = 0
    ) -> tuple[RemoteResult, ...]:
        """Follow a job to its end and fetch what it gave, in the order of the variants."""
        gathering = Gathering(first_seed)
        async for event in self.watch(job_id):
            on_event(event)
            result = gathering.take(event)
            if result is not None:
                pictures = [await self._fetched(d) if d else None for d in pictures_of(result)]
                gathering.add(result, *pictures)
        return gathering.finished()

    async def _fetched(self, sha256: str) -> bytes:
        away = 0.0
        while True:
            try:
                return await self.fetch(sha256)
            except DaemonFailed as problem:
                if not problem.retryable or away >= self.patience:
                    raise
            await asyncio.sleep(PAUSE)
            away += PAUSE

    async def live(
        self, image: Picture, *, show_every: float | None = None, **settings: Unpack[EditSettings]
    ) -> AsyncLiveEdit:
        """Begin a live session: ``async with await client.live(image, prompt=...) as live``."""
        messages = LiveMessages(await self.message(image, **settings), Uploads(), show_every)
        return AsyncLiveEdit(messages, self)


class AsyncLiveEdit:
    """Frames out, pictures in, on an event loop.

    Args:
        messages: of the frames.
        client: whose session it is.
    """

    def __init__(self, messages: LiveMessages, client: AsyncClient) -> None:
        self._messages, self._client = messages, client
        self._frames: asyncio.Queue[live_pb2.LiveRequest | None] = asyncio.Queue()
        self._frames.put_nowait(messages.first())
        self._call = client._edits.Live(self._sent(), metadata=client._metadata)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def paint(self, x: int, y: int, pixels: NDArray[Any]) -> int:
        """Paint a rectangle; as ``LiveEdit.paint``."""
        for message in self._messages.painted(x, y, pixels):
            self._frames.put_nowait(message)
        return self._messages.frame

    async def change(self, **settings: Any) -> int:
        """Change something else; as ``LiveEdit.change``."""
        message = self._messages.changed(**settings)
        await self._client._send(self._messages.uploads)
        self._frames.put_nowait(message)
        return self._messages.frame

    def finish(self) -> None:
        """Send no more frames; what the last one gives still comes."""
        self._frames.put_nowait(None)

    def close(self) -> None:
        """End at once: what is at work is cancelled. Harmless twice."""
        self._frames.put_nowait(None)
        self._call.cancel()

    async def __aiter__(self) -> AsyncIterator[live_pb2.LiveResponse]:
        """Yield what comes of frames, pictures with their bytes in ``data``, until it ends."""
        try:
            async for response in self._call:
                if digest := missing_picture(response):
                    response.data = await self._client.fetch(digest)
                yield response
        except grpc.aio.AioRpcError as problem:
            raise error_of_call(problem, self._client.endpoint.address) from problem
        except asyncio.CancelledError:
            if not self._call.cancelled():
                raise  # this task is being cancelled, and not the call alone

    async def _sent(self) -> AsyncIterator[live_pb2.LiveRequest]:
        while (frame := await self._frames.get()) is not None:
            yield frame
