"""``BlobService``: pictures up and down, in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from os import SEEK_END
from typing import Any, Final, TypeVar

import grpc

from retouch.errors import InvalidField
from retouch.v1 import blob_service_pb2 as pb
from retouch.v1 import blob_service_pb2_grpc as rpc
from retouch_daemon.front.calls_by_name import CallsByName
from retouch_daemon.front.identity import client_of
from retouch_daemon.front.pace import Pace
from retouch_daemon.storage.blob_rows import BlobStat
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.disk import LARGE
from retouch_daemon.storage.errors import CorruptBlob

#: Most bytes of a piece, and most digests of a question.
CHUNK: Final = 1 << 20
MOST_DIGESTS: Final = 1000
#: Large blobs that are read as a whole at a time. All calls share the threads, and the disk, and
#: each of these has them for seconds.
_LARGE_AT_A_TIME: Final = 2

#: Seconds after the end of a caller's pieces in which it may turn out that it has left.
_WORD_OF_LEAVING: Final = 0.2

#: Uploads of one client side by side, of which more come at so many a second, after some at once:
#: each has the disk write and wait, and the others' wait behind it.
_UNPACED: Final = 4
_PER_SECOND: Final = 20.0
_AT_ONCE: Final = 64

_Context = grpc.aio.ServicerContext[Any, Any]
_Found = TypeVar("_Found")


class BlobService(rpc.BlobServiceServicer):
    """Answers hosts about blobs.

    Args:
        store: where they are.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._pace = Pace(_PER_SECOND, _AT_ONCE)
        self._uploading = CallsByName()
        self._large = asyncio.Semaphore(_LARGE_AT_A_TIME)

    async def Missing(self, request: pb.MissingRequest, context: _Context) -> pb.MissingResponse:
        """Which of some blobs must be uploaded."""
        if len(request.sha256) > MOST_DIGESTS:
            fix = "ask in several calls"
            allowed = f"at most {MOST_DIGESTS}"
            raise InvalidField("sha256", f"{len(request.sha256)} digests", allowed, fix)
        asked = list(request.sha256)
        found = await asyncio.to_thread(self._store.missing, asked, client_of(context))
        return pb.MissingResponse(
            missing=[pb.MissingBlob(sha256=d, uploaded_bytes=n) for d, n in found.items()]
        )

    async def Put(
        self, requests: AsyncIterator[pb.PutRequest], context: _Context
    ) -> pb.PutResponse:
        """Take one blob in pieces."""
        client = client_of(context)
        with self._uploading.open(client) as at_once:
            if at_once > _UNPACED:
                await self._pace.turn(client)
            return pb.PutResponse(blob=_info(await self._taken(requests, client)))

    async def _taken(self, requests: AsyncIterator[pb.PutRequest], client: str) -> BlobStat:
        digest, offset = "", 0
        async for piece in requests:
            if not digest:
                digest, offset = piece.sha256, piece.offset
            elif piece.sha256 not in ("", digest):
                raise InvalidField("sha256", piece.sha256, digest, "one blob per call")
            if len(piece.chunk) > CHUNK:
                allowed = f"at most {CHUNK} bytes"
                given = f"{len(piece.chunk)} bytes"
                raise InvalidField("chunk", given, allowed, "send smaller pieces")
            offset = await asyncio.to_thread(
                self._store.append, digest, offset, piece.chunk, client
            )
        try:
            finish = partial(self._store.finish, digest, client, keep=True)
            return await self._read_whole(offset, finish)
        except CorruptBlob:
            # Perhaps the caller has left in the middle: then word of that comes about now, ends
            # this call here, and what is there stays.
            await asyncio.sleep(_WORD_OF_LEAVING)
            await asyncio.to_thread(self._store.drop_upload, digest, client)
            raise

    async def Get(self, request: pb.GetRequest, context: _Context) -> AsyncIterator[pb.GetResponse]:
        """Give one blob in pieces."""
        # From its file, piece by piece: a caller who reads slowly holds one piece in memory.
        stat = await asyncio.to_thread(self._store.stat, request.sha256)
        opening = self._read_whole(stat.size, lambda: self._store.opened(request.sha256))
        with await opening as file:
            size = file.seek(0, SEEK_END)
            if request.offset > size:
                raise InvalidField("offset", request.offset, f"0 to {size}", "start at 0")
            file.seek(request.offset)
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield pb.GetResponse(chunk=chunk)

    async def Stat(self, request: pb.StatRequest, context: _Context) -> pb.StatResponse:
        """What is known of a blob."""
        stat = await asyncio.to_thread(self._store.stat, request.sha256)
        return pb.StatResponse(blob=_info(stat))

    async def Pin(self, request: pb.PinRequest, context: _Context) -> pb.PinResponse:
        """Keep a blob, or no longer."""
        await asyncio.to_thread(self._store.pin, request.sha256, request.pinned)
        stat = await asyncio.to_thread(self._store.stat, request.sha256)
        return pb.PinResponse(blob=_info(stat))

    async def _read_whole(self, size: int, work: Callable[[], _Found]) -> _Found:
        """Do what reads all of a blob of ``size`` bytes; of large ones, few at a time."""
        if size < LARGE:
            return await asyncio.to_thread(work)
        await self._large.acquire()
        working = asyncio.ensure_future(asyncio.to_thread(work))
        # Its thread goes on when the caller leaves, and counts until it is free.
        working.add_done_callback(lambda _: self._large.release())
        return await asyncio.shield(working)


def _info(stat: BlobStat) -> pb.BlobInfo:
    return pb.BlobInfo(sha256=stat.digest, size_bytes=stat.size, pinned=stat.pinned)
