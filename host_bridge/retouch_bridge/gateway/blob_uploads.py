"""``PUT /v1/blobs/{sha256}`` and ``POST /v1/blobs``: pictures as the host holds them."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from starlette.requests import Request
from starlette.responses import Response

from retouch.v1 import blob_service_pb2 as pb
from retouch_bridge.gateway.blob_downloads import uploaded_bytes
from retouch_bridge.gateway.daemon_calls import Caller, Daemon
from retouch_bridge.gateway.refusals import Refused, refusal
from retouch_bridge.gateway.request_bodies import PIECE, declared_length, pieces_of
from retouch_bridge.gateway.wire_forms import Form
from retouch_bridge.gateway.zstd_bodies import is_packed, unpacked

#: Uploads that are hashed here at a time; further ones wait.
_AT_ONCE: Final = 4
_OFFSET: Final = re.compile(r"[0-9]{1,18}")
_KINDS: Final = ("", "application/octet-stream")


@dataclass(frozen=True, slots=True)
class Room:
    """Where pictures lie while they are hashed, and how much of them.

    Attributes:
        folder: a file without a name is made there.
        blob_bytes: most bytes of one.
        free_bytes: that must be left on the disk.
    """

    folder: Path
    blob_bytes: int
    free_bytes: int

    def check_size(self, size: int) -> None:
        """Refuse a picture that is too large. Raises Refused."""
        if size > self.blob_bytes:
            what, fix = f"more than {self.blob_bytes} bytes", "send a smaller picture"
            raise refusal("resource_exhausted", what, fix, field="body", status=413)

    def check_disk(self) -> None:
        """Refuse where the disk is almost full. Raises Refused."""
        if shutil.disk_usage(self.folder).free < self.free_bytes + PIECE:
            fix = "see to the disk, then try again"
            raise refusal("unavailable", "the disk is almost full", fix)


class BlobUploads:
    """Takes blobs.

    Args:
        daemon: that keeps them.
        room: for those whose digest is not known yet.
    """

    def __init__(self, daemon: Daemon, room: Room) -> None:
        self._daemon, self._room = daemon, room
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def put(self, request: Request, digest: str) -> Response:
        """Take a blob under its digest, from any byte on. Raises Refused, Gone."""
        _check_kind(request)
        caller: Caller = request.scope["caller"]
        offset = _offset(request)
        self._room.check_size(offset + (declared_length(request) or 0))
        pieces = _pieces(request)
        try:
            blob = await self._daemon.put(digest, offset, pieces, caller)
        except Refused as problem:
            raise await self._told(problem, digest, caller) from problem
        return _stored(blob)

    async def post(self, request: Request) -> Response:
        """Take a blob whose digest its sender cannot compute. Raises Refused, Gone."""
        _check_kind(request)
        self._room.check_size(declared_length(request) or 0)
        async with self._turns:
            with tempfile.TemporaryFile(dir=self._room.folder) as file:
                digest = await self._spooled(request, file)
                return _stored(await self._kept(digest, file, request.scope["caller"]))

    async def _spooled(self, request: Request, file: IO[bytes]) -> str:
        found, size = hashlib.sha256(), 0
        async for piece in _pieces(request):
            size += len(piece)
            self._room.check_size(size)
            self._room.check_disk()
            found.update(piece)
            await asyncio.to_thread(file.write, piece)
        return found.hexdigest()

    async def _kept(self, digest: str, file: IO[bytes], caller: Caller) -> pb.BlobInfo:
        there = await uploaded_bytes(self._daemon, digest, caller)
        if there is None:
            asked = pb.StatRequest(sha256=digest)
            answer: pb.StatResponse = await self._daemon.ask("BlobService/Stat", asked, caller)
            return answer.blob
        return await self._daemon.put(digest, there, _read_from(file, there), caller)

    async def _told(self, problem: Refused, digest: str, caller: Caller) -> Refused:
        """An upload that does not follow on what is there: say what is."""
        if problem.code != "aborted":
            return problem
        there = await uploaded_bytes(self._daemon, digest, caller)
        headers = (("upload-offset", str(there or 0)),)
        return Refused(problem.code, problem.words, problem.details, headers=headers)


def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of at most 1 MiB, as it is stored. Raises Refused."""
    pieces = pieces_of(request)
    return unpacked(pieces) if is_packed(request.headers) else pieces


async def _read_from(file: IO[bytes], offset: int) -> AsyncIterator[bytes]:
    file.seek(offset)
    while piece := await asyncio.to_thread(file.read, PIECE):
        yield piece


def _stored(blob: pb.BlobInfo) -> Response:
    about = pb.BlobInfo(sha256=blob.sha256, size_bytes=blob.size_bytes)
    return Response(Form.JSON.write(about), media_type="application/json")


def _check_kind(request: Request) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() not in _KINDS:
        what, fix = f"got {given[:80]!r}; allowed: {_KINDS[1]}", "send that, or no Content-Type"
        raise refusal("invalid_argument", what, fix, field="Content-Type", status=415)


def _offset(request: Request) -> int:
    given = request.headers.get("upload-offset", "0")
    if not _OFFSET.fullmatch(given):
        what, fix = f"got {given[:40]!r}; allowed: a number of bytes", "send what HEAD says, or 0"
        raise refusal("invalid_argument", what, fix, field="Upload-Offset")
    return int(given)
