"""Bodies of requests, as much as is allowed and no slower than that."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from retouch_bridge.gateway.refusals import refusal
from retouch_bridge.gateway.until_gone import Gone

#: Bytes of a message; the daemon takes 1 MiB, which JSON may write as four.
MOST_MESSAGE: Final = 4 << 20
#: Seconds for a whole message, and between two pieces of a picture.
MESSAGE_SECONDS: Final = 30.0
PIECE_SECONDS: Final = 60.0
#: Bytes of one piece.
PIECE: Final = 1 << 20
#: Bytes and seconds that a refused upload is read for, so that its sender reads the answer.
_DRAIN_BYTES: Final = 256 << 20
_DRAIN_SECONDS: Final = 2.0
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


def declared_length(request: Request) -> int | None:
    """Return the length that a request declares; None where it declares none. Raises Refused."""
    given = request.headers.get("content-length")
    if given is None:
        return None
    if not _LENGTH.fullmatch(given):
        what, fix = f"got {given[:40]!r}; allowed: a number of bytes", "send the body's length"
        raise refusal("invalid_argument", what, fix, field="Content-Length")
    return int(given)


async def message_body(request: Request, most: int = MOST_MESSAGE) -> bytes:
    """Return the body of a message of so many bytes at most.

    Raises:
        Refused: too long, or too slow. Gone.
    """
    found = bytearray()
    if (declared_length(request) or 0) > most:
        raise _too_long(most)
    try:
        async with asyncio.timeout(MESSAGE_SECONDS):
            async for piece in request.stream():
                found += piece
                if len(found) > most:
                    raise _too_long(most)
    except ClientDisconnect as problem:
        raise Gone from problem
    except TimeoutError as problem:
        what = f"the body took longer than {MESSAGE_SECONDS:g} s"
        raise refusal("deadline_exceeded", what, "send it at once", status=408) from problem
    return bytes(found)


async def pieces_of(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in pieces of 1 MiB, the last one shorter. Raises as :func:`message_body`."""
    found = bytearray()
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(PIECE_SECONDS):
                piece = await anext(stream, None)
            if piece is None:
                break
            found += piece
            while len(found) >= PIECE:
                yield bytes(memoryview(found)[:PIECE])
                del found[:PIECE]
    except ClientDisconnect as problem:
        raise Gone from problem
    except TimeoutError as problem:
        what = f"the upload was silent for {PIECE_SECONDS:g} s"
        fix = "go on from where it stands; HEAD tells"
        raise refusal("deadline_exceeded", what, fix, status=408) from problem
    if found:
        yield bytes(found)


class Incoming:
    """A request on its way, that knows whether all of it has been read.

    Args:
        receive: of the server.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive, self._ended = receive, False

    async def receive(self) -> Message:
        """Return its next part, or that its client has left."""
        message = await self._receive()
        if not message.get("more_body", False):
            self._ended = True
        return message

    async def drain(self) -> None:
        """Read what is left of it, within bounds: else its sender might not read the answer."""
        read = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self._ended and read < _DRAIN_BYTES:
                    read += len((await self.receive()).get("body", b""))


def _too_long(most: int) -> Exception:
    what = f"more than {most} bytes"
    fix = "upload pictures to /v1/blobs and name them by digest"
    return refusal("resource_exhausted", what, fix, field="request", status=413)
