"""Connections of hosts: how many there may be, and how long one may say nothing."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

#: Connections at a time. When there are more, the one that has been idle for the longest goes.
MOST: Final = 512
#: Seconds for the head of a request, from its connection or its first byte on.
HEAD_SECONDS: Final = 10.0
#: Seconds that a connection is kept between two requests.
KEEP_ALIVE_SECONDS: Final = 60
#: Bytes of the head of a request.
HEAD_BYTES: Final = 16 << 10


class BoundedConnection(H11Protocol):
    """One connection. A slow or silent client costs nobody else anything."""

    _timer: asyncio.TimerHandle | None = None
    _idle_since = 0.0
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, and make room."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._wait_for_head()
        if len(self.connections) > MOST:
            idle = [
                each
                for each in self.connections
                if isinstance(each, BoundedConnection) and each.idle
            ]
            if idle:
                min(idle, key=lambda each: each._idle_since).drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request; its head must be complete in time."""
        super().data_received(data)
        if self.idle and not self._upgraded:
            self._wait_for_head()
        else:
            self._stop_waiting()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand the connection over."""
        self._stop_waiting()
        self._upgraded = True
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._idle_since = self.loop.time()
        super().on_response_complete()

    @property
    def idle(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def drop(self) -> None:
        """End it; it does not count any more."""
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.abort()

    def _wait_for_head(self) -> None:
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEAD_SECONDS, self.drop)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
