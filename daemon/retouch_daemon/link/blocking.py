"""The worker's end of the link: blocking, written by one thread at a time, read by another."""

from __future__ import annotations

import queue
import socket
import threading
from typing import Final

from retouch_daemon.link.frames import (
    HEADER_BYTES,
    BrokenFrame,
    Frame,
    lengths,
    packed,
    unpacked,
)

#: What is read when the other side has closed the link.
CLOSED: Final = Frame("closed")


class BlockingLink:
    """Frames over a connected socket. Raises OSError where the other side is gone."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, frame: Frame) -> None:
        """Send a frame; safe from several threads."""
        with self._sending:
            self._connection.sendall(packed(frame))
            if frame.payload:
                self._connection.sendall(frame.payload)

    def receive(self) -> Frame:
        """Wait for the next frame; ``CLOSED`` at the end. Raises BrokenFrame."""
        header = self._exactly(HEADER_BYTES)
        if header is None:
            return CLOSED
        sizes = lengths(header)
        values, payload = (self._exactly(size) for size in sizes)
        return CLOSED if values is None or payload is None else unpacked(values, payload)

    def _exactly(self, size: int) -> bytes | None:
        parts, missing = [], size
        while missing:
            part = self._connection.recv(min(missing, 1 << 20))
            if not part:
                return None
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


class Inbox:
    """Frames that a thread of its own reads, so that whoever works can look between two steps.

    After what is no frame nothing can be read: that is the end, too.
    """

    def __init__(self, link: BlockingLink) -> None:
        self._link = link
        self._frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def take(self, *, wait: bool) -> Frame | None:
        """Return the next frame; None where none is there and ``wait`` is false."""
        try:
            return self._frames.get(block=wait)
        except queue.Empty:
            return None

    def _read(self) -> None:
        frame = Frame("")
        while frame is not CLOSED:
            try:
                frame = self._link.receive()
            except (OSError, BrokenFrame):
                frame = CLOSED
            self._frames.put(frame)
