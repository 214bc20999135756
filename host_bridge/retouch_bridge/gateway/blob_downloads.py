"""``GET`` and ``HEAD /v1/blobs/{sha256}``: pictures as they are, from any byte on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from retouch.v1 import blob_service_pb2 as pb
from retouch_bridge.gateway.daemon_calls import Caller, Daemon
from retouch_bridge.gateway.refusals import Refused, refusal
from retouch_bridge.gateway.until_gone import Presence
from retouch_bridge.gateway.zstd_bodies import CODING, Packing, takes_packed

_RANGE: Final = re.compile(r"bytes=([0-9]{1,18})-")
_BYTES: Final = "application/octet-stream"


async def uploaded_bytes(daemon: Daemon, digest: str, caller: Caller) -> int | None:
    """Return how much of a blob an interrupted upload has left; None of one that is stored.

    Raises:
        Refused.
    """
    asked = pb.MissingRequest(sha256=[digest])
    answer: pb.MissingResponse = await daemon.ask("BlobService/Missing", asked, caller)
    return answer.missing[0].uploaded_bytes if answer.missing else None


class BlobDownloads:
    """Gives blobs.

    Args:
        daemon: that has them.
        presence: of clients.
    """

    def __init__(self, daemon: Daemon, presence: Presence) -> None:
        self._daemon, self._presence = daemon, presence

    async def head(self, digest: str, caller: Caller) -> Response:
        """Say how long a blob is; of one that is not all there, how much is. Raises Refused."""
        there = await uploaded_bytes(self._daemon, digest, caller)
        if there is not None:
            raise _not_stored(digest, there)
        size = await self._size(digest, caller)
        return Response(headers=_about(digest, size), media_type=_BYTES)

    async def get(self, scope: Scope, receive: Receive, send: Send, digest: str) -> None:
        """Send a blob, piece by piece, as fast as it is read. Raises Refused, Gone."""
        caller: Caller = scope["caller"]
        size = await self._size(digest, caller)
        request = Request(scope)
        begin = _begin(request, size)
        headers = _about(digest, size - (begin or 0))
        packing = Packing() if begin is None and takes_packed(request.headers) else None
        if packing is not None:
            del headers["content-length"]
            headers |= {"content-encoding": CODING, "etag": f'"{digest}-{CODING}"'}
        status = 200 if begin is None else 206
        if begin is not None:
            headers["content-range"] = f"bytes {begin}-{size - 1}/{size}"
        asked = pb.GetRequest(sha256=digest, offset=begin or 0)
        answers = self._daemon.follow("BlobService/Get", asked, caller)
        async with aclosing(answers):
            first = await anext(answers, None)  # what was evicted meanwhile is an error of its own
            start = Response(status_code=status, headers=headers, media_type=_BYTES)
            if packing is not None:
                del start.headers["content-length"]  # of the empty body that it was made with
            opened = {"type": "http.response.start", "status": status, "headers": start.raw_headers}
            await send(opened)
            await self._presence.run(receive, _sent(first, answers, send, packing))

    async def _size(self, digest: str, caller: Caller) -> int:
        try:
            answer = await self._daemon.ask(
                "BlobService/Stat", pb.StatRequest(sha256=digest), caller
            )
        except Refused as problem:
            if problem.code != "not_found":
                raise
            there = await uploaded_bytes(self._daemon, digest, caller)
            raise _not_stored(digest, there or 0) from problem
        return int(answer.blob.size_bytes)


async def _sent(
    first: Any, answers: AsyncIterator[Any], send: Send, packing: Packing | None
) -> None:
    answer = first
    while answer is not None:
        body = answer.chunk if packing is None else await packing.packed(answer.chunk)
        await send({"type": "http.response.body", "body": body, "more_body": True})
        answer = await anext(answers, None)
    await send({"type": "http.response.body", "body": b"" if packing is None else packing.end()})


def _about(digest: str, length: int) -> dict[str, str]:
    return {"content-length": str(length), "etag": f'"{digest}"', "accept-ranges": "bytes"}


def _begin(request: Request, size: int) -> int | None:
    """From which byte on; None where the whole is asked for, or in a form that is not ours."""
    found = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if found is None:
        return None
    begin = int(found[1])
    if begin >= size:
        headers = (("content-range", f"bytes */{size}"),)
        what, fix = f"got {begin}; allowed: 0 to {size - 1}", "ask for what is left, if anything"
        raise refusal("out_of_range", what, fix, field="Range", status=416, headers=headers)
    return begin


def _not_stored(digest: str, there: int) -> Refused:
    headers = (("upload-offset", str(there)),)
    what = f"nothing is stored under {digest}"
    return refusal("not_found", what, "upload it first", field="sha256", headers=headers)
