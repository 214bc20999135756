"""A worker's end of the link: blocking, written by one thread at a time, read by another."""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from retouch_daemon.link.frames import (
    HEADER_BYTES,
    STARTING,
    BrokenFrame,
    Frame,
    Value,
    lengths,
    packed,
    unpacked,
)
from retouch_daemon.link.pulse import Pulse

#: Seconds that a worker's main thread has to end when the link is closed.
_LEAVING: Final = 1.0
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

    def beat(
        self,
        seconds: float,
        values: Callable[[], Mapping[str, Value]] = dict,
        pulse: Pulse | None = None,
    ) -> None:
        """Give a sign of life every so often, from a thread of its own, until the link is gone.

        So work that takes long, as one large forward, is not taken for a process that hangs.

        Args:
            seconds: between two of them.
            values: called there, gives what goes with each.
            pulse: without it none is given; None: always.
        """

        def beat() -> None:
            try:
                while True:
                    time.sleep(seconds)
                    if pulse is None or pulse.beats:
                        self.send(Frame("beat", values()))
            except OSError:
                return

        threading.Thread(target=beat, name="beat", daemon=True).start()

    @contextmanager
    def starting(self, seconds: float) -> Iterator[None]:
        """Tell of the start of this process, which the block is, whenever it has got on.

        It has where more modules are there than before: their imports are what a start takes its
        time for. One that hangs is therefore heard of no more, be it busy or not.

        Args:
            seconds: between two looks at it.
        """
        started = threading.Event()

        def tell() -> None:
            known = 0
            with suppress(OSError):  # the front is gone
                while not started.wait(seconds):
                    if (now := len(sys.modules)) != known:
                        known = now
                        self.send(Frame(STARTING, {"modules": now}))

        threading.Thread(target=tell, name="starting", daemon=True).start()
        try:
            yield
        finally:
            started.set()

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

    Args:
        link: to read.
        at_end: done by that thread after the last frame.
    """

    def __init__(self, link: BlockingLink, at_end: Callable[[], None] = lambda: None) -> None:
        self._link, self._at_end = link, at_end
        self._frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def take(self, *, wait: bool) -> Frame | None:
        """Return the next frame; None where none is there and ``wait`` is false."""
        try:
            return self._frames.get(block=wait)
        except queue.Empty:
            return None

    def put(self, frame: Frame) -> None:
        """Have a frame taken as if it had come over the link; safe from several threads."""
        self._frames.put(frame)

    def _read(self) -> None:
        frame = Frame("")
        while frame is not CLOSED:
            try:
                frame = self._link.receive()
            except (OSError, BrokenFrame):
                frame = CLOSED
            self._frames.put(frame)
        self._at_end()


def leave_soon() -> None:
    """End this process, whatever it is at: the front is gone, or wants no more of it.

    The main thread has a moment to end by itself. It may be in a forward of a minute, of which
    nobody would ever hear.
    """
    time.sleep(_LEAVING)
    os._exit(0)
