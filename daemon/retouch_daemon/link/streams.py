"""The front's end of the link, on asyncio. It never waits for the other side to read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from retouch_daemon.link.frames import (
    HEADER_BYTES,
    MOST_PAYLOAD,
    BrokenFrame,
    Frame,
    lengths,
    packed,
    unpacked,
)

#: Bytes that are read at once; every piece is a sign of life.
_PIECE: Final = 1 << 20


def any_payload(kind: str) -> int:
    """Most bytes with a frame of any kind from a side that is trusted with pictures."""
    return MOST_PAYLOAD


class StreamLink:
    """Frames over asyncio streams.

    Args:
        reader: of the socket.
        writer: of the socket.
        most_payload: most bytes that may come with a frame of a kind.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        most_payload: Callable[[str], int] = any_payload,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._most_payload = most_payload
        #: Pieces that have been heard: it grows while a large frame is on its way, too.
        self.heard = 0

    @classmethod
    async def over(
        cls, connection: socket.socket, most_payload: Callable[[str], int] = any_payload
    ) -> StreamLink:
        """Make one of a connected socket."""
        reader, writer = await asyncio.open_connection(sock=connection, limit=_PIECE)
        return cls(reader, writer, most_payload)

    @property
    def waiting(self) -> int:
        """Bytes that the other side has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, frame: Frame) -> bool:
        """Send a frame; False where the other side is gone.

        It is kept in memory until the other side reads. So a front that hands frames on from one
        worker to another can never be caught between one that does not read and one that waits.
        """
        if self._writer.is_closing():
            return False
        self._writer.write(packed(frame))
        if frame.payload:
            self._writer.write(frame.payload)
        return True

    async def receive(self) -> Frame | None:
        """Return the next frame, None at the end. Raises BrokenFrame."""
        try:
            values, payload = lengths(await self._exactly(HEADER_BYTES))
            frame = unpacked(await self._exactly(values), b"")
            most = self._most_payload(frame.kind)
            if payload > most:
                raise BrokenFrame(f"{frame.kind} with {payload} bytes; allowed: at most {most}")
            if payload:
                frame = Frame(frame.kind, frame.values, await self._exactly(payload))
        except (asyncio.IncompleteReadError, OSError):
            return None
        return frame

    async def _exactly(self, size: int) -> bytes:
        if size <= _PIECE:
            piece = await self._reader.readexactly(size)
            self.heard += 1
            return piece
        parts = []
        for start in range(0, size, _PIECE):
            parts.append(await self._reader.readexactly(min(_PIECE, size - start)))
            self.heard += 1
        return b"".join(parts)

    def close(self) -> None:
        """Close the link. Harmless twice."""
        self._writer.close()
