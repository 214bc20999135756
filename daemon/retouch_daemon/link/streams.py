"""The front's end of the link, on asyncio."""

from __future__ import annotations

import asyncio
import socket

from retouch_daemon.link.frames import HEADER_BYTES, Frame, lengths, packed, unpacked


class StreamLink:
    """Frames over asyncio streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._sending = asyncio.Lock()

    @classmethod
    async def over(cls, connection: socket.socket) -> StreamLink:
        """Make one of a connected socket."""
        return cls(*await asyncio.open_connection(sock=connection))

    async def send(self, frame: Frame) -> None:
        """Send a frame. Raises OSError where the other side is gone."""
        async with self._sending:
            self._writer.write(packed(frame))
            self._writer.write(frame.payload)
            await self._writer.drain()

    async def receive(self) -> Frame | None:
        """Return the next frame, None at the end. Raises BrokenFrame."""
        try:
            sizes = lengths(await self._reader.readexactly(HEADER_BYTES))
            values, payload = [await self._reader.readexactly(size) for size in sizes]
        except (asyncio.IncompleteReadError, OSError):
            return None
        return unpacked(values, payload)

    def close(self) -> None:
        """Close the link. Harmless twice."""
        self._writer.close()
