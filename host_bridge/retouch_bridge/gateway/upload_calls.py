"""Uploads to the daemon over gRPC's own threads.

``grpc.aio`` loses the status of a call that ends while it is written to: what a quota or a wrong
offset says would be "internal". Here the thread that sends asks the event loop for one piece after
another, so one is in memory at a time and a slow daemon holds up its sender.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import grpc

from retouch.v1 import blob_service_pb2 as pb
from retouch_bridge.gateway.methods import METHODS
from retouch_bridge.gateway.refusals import refusal, refusal_of

#: Uploads at a time: each has a thread.
MOST: Final = 128
#: Seconds that the daemon has to let go of an upload whose sender has left.
_LEAVE_SECONDS: Final = 5.0
#: Ends an upload so that it can go on from where it stands. Where a call is cancelled, the daemon
#: may take that for the end of its pieces, find another digest and drop them; a piece of another
#: blob is refused before anything is done.
_LEFT: Final = pb.PutRequest(sha256="left")


class UploadCalls:
    """Uploads blobs. All methods are called on one event loop.

    Args:
        target: of gRPC. options: of its channel.
    """

    def __init__(self, target: str, options: Any) -> None:
        self._channel = grpc.insecure_channel(target, options=options)
        put = METHODS["BlobService/Put"]
        self._put = self._channel.stream_unary(
            put.path, pb.PutRequest.SerializeToString, pb.PutResponse.FromString
        )
        self.open = 0

    def close(self) -> None:
        """End all of them."""
        self._channel.close()

    async def put(
        self,
        digest: str,
        offset: int,
        pieces: AsyncIterator[bytes],
        metadata: tuple[tuple[str, str], ...],
    ) -> pb.BlobInfo:
        """Upload a blob.

        Args:
            digest: of the whole. offset: where the first piece goes.
            pieces: at most 1 MiB each.
            metadata: of the call.

        Raises:
            Refused; and what the pieces raise.
        """
        if self.open >= MOST:
            what = f"{MOST} uploads are under way"
            raise refusal("resource_exhausted", what, "try again later", status=503)
        loop = asyncio.get_running_loop()
        requests, ended = _Requests(digest, offset, pieces, loop), asyncio.Event()
        call = self._put.future(requests, metadata=metadata)
        self.open += 1
        try:
            call.add_done_callback(lambda _: _say(loop, ended))
            await ended.wait()
        except asyncio.CancelledError:
            requests.leave()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _LEAVE_SECONDS)
            raise
        finally:
            self.open -= 1
            call.cancel()
            await requests.close()
        if requests.problem is not None:
            raise requests.problem
        try:
            answer: pb.PutResponse = call.result()
        except grpc.RpcError as problem:
            raise refusal_of(problem) from problem
        return answer.blob


class _Requests:
    """Requests of an upload, for the thread that sends them; iterated there, all else in the loop.

    Attributes:
        problem: what the pieces have raised.
    """

    def __init__(
        self,
        digest: str,
        offset: int,
        pieces: AsyncIterator[bytes],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._requests, self._loop = _put_requests(digest, offset, pieces), loop
        self._ended = self._leaving = False
        self._asking: asyncio.Task[Any] | None = None
        self.problem: Exception | None = None

    def __iter__(self) -> Iterator[pb.PutRequest]:
        return self

    def __next__(self) -> pb.PutRequest:
        if self._ended:
            raise StopIteration
        if self._leaving:
            self._ended = True
            return _LEFT
        request = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
        if request is None:
            raise StopIteration
        return request

    def leave(self) -> None:
        """Have no more pieces."""
        self._leaving = True
        if self._asking is not None:
            self._asking.cancel()

    async def close(self) -> None:
        """Let go of the pieces: somebody else may read what is left."""
        asking = self._asking
        self.leave()
        if asking is not None:
            await asyncio.gather(asking, return_exceptions=True)
        await self._requests.aclose()

    async def _next(self) -> pb.PutRequest | None:
        self._asking = asyncio.current_task()
        try:
            return await anext(self._requests)
        except StopAsyncIteration:
            self._ended = True
            return None
        except asyncio.CancelledError:
            self._ended = True
            return _LEFT
        except Exception as problem:
            self._ended, self.problem = True, problem
            return _LEFT
        finally:
            self._asking = None


async def _put_requests(digest: str, offset: int, pieces: AsyncIterator[bytes]) -> Any:
    """At least one; the first has bytes, if there are any: a piece at 0 drops what was there."""
    request = pb.PutRequest(sha256=digest, offset=offset)
    async for piece in pieces:
        request.chunk = piece
        yield request
        request = pb.PutRequest()
    if request.sha256:
        yield request


def _say(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the gateway has ended
        loop.call_soon_threadsafe(ended.set)
