"""Calls of the daemon over gRPC: every request of a host becomes the same call there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from retouch.v1 import blob_service_pb2 as blobs
from retouch_bridge.gateway.methods import METHODS, Method
from retouch_bridge.gateway.refusals import refusal, refusal_of
from retouch_bridge.gateway.upload_calls import UploadCalls

#: Connections to the daemon, and open calls of one: it takes 256 of each connection.
CHANNELS: Final = 4
MOST_CALLS: Final = 250
_OPTIONS: Final = (
    ("grpc.use_local_subchannel_pool", 1),  # else all channels share one connection
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        name: that jobs and quotas belong to; empty for the daemon's default.
    """

    name: str = ""


class Daemon:
    """The daemon behind the gateway. All methods are called on one event loop.

    Args:
        target: of gRPC, ``unix:`` and a path.
        token: that it asks for.
    """

    def __init__(self, target: str, token: str) -> None:
        self._token = token
        self._channels = [
            grpc.aio.insecure_channel(target, options=_OPTIONS) for _ in range(CHANNELS)
        ]
        self._open = [0] * CHANNELS
        self._uploads = UploadCalls(target, _OPTIONS)

    @property
    def open_calls(self) -> int:
        """How many calls are under way."""
        return sum(self._open) + self._uploads.open

    async def close(self) -> None:
        """End all calls."""
        await asyncio.gather(*(channel.close() for channel in self._channels))
        self._uploads.close()

    async def ask(
        self, method: str, message: Message, caller: Caller, seconds: float | None = None
    ) -> Any:
        """Make a call with one answer; being cancelled cancels it. Raises Refused."""
        about = METHODS[method]
        with self._leased() as channel:
            try:
                return await channel.unary_unary(about.path, *_codecs(about))(
                    message, metadata=self._metadata(caller), timeout=seconds
                )
            except grpc.aio.AioRpcError as problem:
                raise refusal_of(problem) from problem

    async def follow(
        self, method: str, message: Message, caller: Caller, seconds: float | None = None
    ) -> AsyncGenerator[Any]:
        """Make a call with a stream of answers; closing the iterator cancels it. Raises Refused."""
        about = METHODS[method]
        with self._leased() as channel:
            call = channel.unary_stream(about.path, *_codecs(about))(
                message, metadata=self._metadata(caller), timeout=seconds
            )
            try:
                async for answer in call:
                    yield answer
            except grpc.aio.AioRpcError as problem:
                raise refusal_of(problem) from problem
            finally:
                call.cancel()

    async def converse(
        self, method: str, messages: AsyncIterator[Message], caller: Caller
    ) -> AsyncGenerator[Any]:
        """Make a call with streams both ways. Raises Refused."""
        about = METHODS[method]
        with self._leased() as channel:
            call = channel.stream_stream(about.path, *_codecs(about))(
                messages, metadata=self._metadata(caller)
            )
            try:
                async for answer in call:
                    yield answer
            except grpc.aio.AioRpcError as problem:
                raise refusal_of(problem) from problem
            finally:
                call.cancel()

    async def put(
        self, digest: str, offset: int, pieces: AsyncIterator[bytes], caller: Caller
    ) -> blobs.BlobInfo:
        """Upload a blob; every piece is waited for until the daemon has taken it. Raises Refused.

        Args:
            digest: of the whole. offset: where the first piece goes.
            pieces: at most 1 MiB each.
            caller: who uploads.
        """
        return await self._uploads.put(digest, offset, pieces, self._metadata(caller))

    @contextmanager
    def _leased(self) -> Iterator[Any]:
        """The channel with the fewest calls: one that is full would make others wait unseen."""
        place = min(range(CHANNELS), key=self._open.__getitem__)
        if self._open[place] >= MOST_CALLS:
            what = f"the gateway has {CHANNELS * MOST_CALLS} open calls, and takes no more"
            raise refusal("resource_exhausted", what, "end some, or try again later", status=503)
        self._open[place] += 1
        try:
            yield self._channels[place]
        finally:
            self._open[place] -= 1

    def _metadata(self, caller: Caller) -> tuple[tuple[str, str], ...]:
        found = (("authorization", f"Bearer {self._token}"),)
        return (*found, ("retouch-client", caller.name)) if caller.name else found


def _codecs(method: Method) -> tuple[Any, Any]:
    return method.request.SerializeToString, method.response.FromString
