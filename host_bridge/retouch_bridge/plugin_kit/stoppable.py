"""Connections of ``http.client`` whose answers can be given up while nothing comes."""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from typing import Any

#: Seconds between two looks at whether to stop.
_LOOK = 0.25


class Stopped(Exception):
    """A stream was told to stop."""


class _Reader(io.RawIOBase):
    """Reads a socket; looks now and then whether to stop."""

    def __init__(self, sock: socket.socket, silence: float | None, stop: Any) -> None:
        self._socket, self._silence, self._stop = sock, silence, stop
        # http.client closes the socket of an answer that is the last one before it has been read.
        self._held = sock.makefile("rb", buffering=0)
        sock.settimeout(_LOOK)

    def close(self) -> None:
        self._held.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        began = time.monotonic()
        while True:
            if self._stop is not None and self._stop.is_set():
                raise Stopped
            try:
                return self._socket.recv_into(buffer)
            except socket.timeout:
                if self._silence is not None and time.monotonic() - began >= self._silence:
                    raise


class StoppableConnection(http.client.HTTPConnection):
    """A connection whose answers are read by ``_Reader``; ``silence`` None waits for ever."""

    silence: float | None = None
    stop: threading.Event | None = None

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Stand in for the socket that an answer is read from."""
        return io.BufferedReader(_Reader(self.sock, self.silence, self.stop))

    def response_class(self, _sock: Any, **options: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        """Return an answer that is read from this connection."""
        return http.client.HTTPResponse(self, **options)  # type: ignore[arg-type]
