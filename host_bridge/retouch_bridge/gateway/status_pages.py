"""``/metrics`` and ``/status.json``: what the daemon's own socket shows, to the token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import h11
from starlette.requests import Request
from starlette.responses import Response

from retouch_bridge.gateway.refusals import refusal

_PATIENCE: Final = 5.0
_MOST: Final = 8 << 20
_PIECE: Final = 64 << 10


class StatusPages:
    """Shows the daemon's status and numbers.

    Args:
        socket: of the daemon's status; None where it has none.
        own: what the gateway says of itself.
    """

    def __init__(self, socket: Path | None, own: Callable[[], dict[str, Any]]) -> None:
        self._socket, self._own = socket, own

    async def metrics(self, request: Request) -> Response:
        """``/metrics``. Raises Refused."""
        kind, body = await self._read("/metrics")
        return Response(body, media_type=kind)

    async def status(self, request: Request) -> Response:
        """``/status.json``, with an object ``gateway``. Raises Refused."""
        _, body = await self._read("/status.json")
        found = {**json.loads(body), "gateway": self._own()}
        return Response(json.dumps(found), media_type="application/json")

    async def _read(self, path: str) -> tuple[str, bytes]:
        try:
            if self._socket is None:
                raise OSError("it has no socket for that")
            async with asyncio.timeout(_PATIENCE):
                return await _fetched(self._socket, path)
        except (OSError, TimeoutError, ValueError, h11.RemoteProtocolError) as problem:
            what = f"the daemon shows no status ({str(problem)[:200]})"
            raise refusal("unavailable", what, "try again in some seconds") from problem


async def _fetched(socket: Path, path: str) -> tuple[str, bytes]:
    """Type and body of a page. Raises OSError; ValueError: not a page."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        connection = h11.Connection(h11.CLIENT)
        headers = [("host", "localhost"), ("connection", "close")]
        asked = h11.Request(method="GET", target=path, headers=headers)
        writer.write((connection.send(asked) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        kind, body = "", bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_PIECE))
            elif isinstance(event, h11.Response):
                if event.status_code != 200:
                    raise ValueError(f"it said {event.status_code}")
                kind = dict(event.headers).get(b"content-type", b"").decode("latin-1")
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _MOST:
                    raise ValueError("it is too long")
            else:
                return kind, bytes(body)
    finally:
        writer.close()
