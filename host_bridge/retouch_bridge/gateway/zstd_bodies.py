"""Bodies with ``Content-Encoding: zstd`` (RFC 8878), piece by piece in both directions."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.datastructures import Headers

from retouch_bridge.gateway.refusals import refusal
from retouch_bridge.gateway.request_bodies import PIECE

CODING: Final = "zstd"
#: Memory that a sender may ask for, as a power of two: RFC 9659 allows no more.
_WINDOW: Final = 23
#: Fast: it is for slow connections, not for a disk.
_LEVEL: Final = 1


def _library() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def is_packed(headers: Headers) -> bool:
    """Return whether a request's body is packed. Raises Refused: in a way that is not ours."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", CODING):
        what = f"got {coding[:40]!r}; allowed: identity, {CODING}"
        fix = "send it without compression, or with zstd"
        raise refusal("unimplemented", what, fix, field="Content-Encoding", status=415)
    return coding == CODING


def takes_packed(headers: Headers) -> bool:
    """Return whether an answer's body may be packed: only for those that name zstd."""
    for part in headers.get("accept-encoding", "").split(","):
        name, _, quality = part.strip().lower().partition(";")
        if name.strip() == CODING:
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


async def unpacked(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what packed pieces hold, at most 1 MiB each. Raises Refused: no zstd, or cut off."""
    zstd = _library()
    options = {zstd.DecompressionParameter.window_log_max: _WINDOW}
    unpacking = zstd.ZstdDecompressor(options=options)
    waiting = bytearray()
    try:
        async for piece in pieces:
            data = piece
            while not unpacking.eof:
                found = await asyncio.to_thread(unpacking.decompress, data, PIECE)
                data = b""
                waiting += found
                while len(waiting) >= PIECE:
                    yield bytes(memoryview(waiting)[:PIECE])
                    del waiting[:PIECE]
                if unpacking.needs_input:
                    break
            if unpacking.unused_data or (unpacking.eof and data):
                raise _broken("bytes follow its end")
    except zstd.ZstdError as problem:
        raise _broken(str(problem)[:200]) from problem
    if not unpacking.eof:
        raise _broken("it ends too early")
    if waiting:
        yield bytes(waiting)


class Packing:
    """Packs one body."""

    def __init__(self) -> None:
        zstd = _library()
        self._packing = zstd.ZstdCompressor(level=_LEVEL)
        self._flush, self._end = self._packing.FLUSH_BLOCK, self._packing.FLUSH_FRAME

    async def packed(self, piece: bytes) -> bytes:
        """Return a piece, packed, so that its reader has all of it."""
        found: bytes = await asyncio.to_thread(self._packing.compress, piece, self._flush)
        return found

    def end(self) -> bytes:
        """Return what ends the body."""
        found: bytes = self._packing.flush(self._end)
        return found


def _broken(what: str) -> Exception:
    fix = "send one whole zstd frame, with a window of at most 8 MiB"
    return refusal("invalid_argument", f"no body in zstd ({what})", fix, field="body")
