"""``BlobService``: pictures up and down, in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from os import SEEK_END
from typing import Any, Final

import grpc

from retouch.errors import InvalidField
from retouch.v1 import blob_service_pb2 as pb
from retouch.v1 import blob_service_pb2_grpc as rpc
from retouch_daemon.front.identity import client_of
from retouch_daemon.front.statuses import answering
from retouch_daemon.storage.blob_store import BlobStat, BlobStore

#: Most bytes of a piece, and most digests of a question.
CHUNK: Final = 1 << 20
MOST_DIGESTS: Final = 1000

_Context = grpc.aio.ServicerContext[Any, Any]


class BlobService(rpc.BlobServiceServicer):
    """Answers hosts about blobs.

    Args:
        store: where they are.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    async def Missing(self, request: pb.MissingRequest, context: _Context) -> pb.MissingResponse:
        """Which of some blobs must be uploaded."""
        async with answering(context):
            if len(request.sha256) > MOST_DIGESTS:
                fix = "ask in several calls"
                allowed = f"at most {MOST_DIGESTS}"
                raise InvalidField("sha256", f"{len(request.sha256)} digests", allowed, fix)
            found = await asyncio.to_thread(self._store.missing, list(request.sha256))
        return pb.MissingResponse(
            missing=[pb.MissingBlob(sha256=d, uploaded_bytes=n) for d, n in found.items()]
        )

    async def Put(
        self, requests: AsyncIterator[pb.PutRequest], context: _Context
    ) -> pb.PutResponse:
        """Take one blob in pieces."""
        digest, offset, client = "", 0, client_of(context)
        async with answering(context):
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
            stat = await asyncio.to_thread(self._store.finish, digest, client)
        return pb.PutResponse(blob=_info(stat))

    async def Get(self, request: pb.GetRequest, context: _Context) -> AsyncIterator[pb.GetResponse]:
        """Give one blob in pieces."""
        async with answering(context):
            # From its file, piece by piece: a caller who reads slowly holds one piece in memory.
            with await asyncio.to_thread(self._store.opened, request.sha256) as file:
                size = file.seek(0, SEEK_END)
                if request.offset > size:
                    raise InvalidField("offset", request.offset, f"0 to {size}", "start at 0")
                file.seek(request.offset)
                while chunk := await asyncio.to_thread(file.read, CHUNK):
                    yield pb.GetResponse(chunk=chunk)

    async def Stat(self, request: pb.StatRequest, context: _Context) -> pb.StatResponse:
        """What is known of a blob."""
        async with answering(context):
            stat = await asyncio.to_thread(self._store.stat, request.sha256)
        return pb.StatResponse(blob=_info(stat))

    async def Pin(self, request: pb.PinRequest, context: _Context) -> pb.PinResponse:
        """Keep a blob, or no longer."""
        async with answering(context):
            await asyncio.to_thread(self._store.pin, request.sha256, request.pinned)
            stat = await asyncio.to_thread(self._store.stat, request.sha256)
        return pb.PinResponse(blob=_info(stat))


def _info(stat: BlobStat) -> pb.BlobInfo:
    return pb.BlobInfo(sha256=stat.digest, size_bytes=stat.size, pinned=stat.pinned)
