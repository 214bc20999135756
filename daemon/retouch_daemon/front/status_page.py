"""A small HTTP server for numbers: ``/metrics``, ``/status.json`` and ``/healthz``."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h11

from retouch_daemon.front.addresses import host_of

#: Connections at a time, and seconds that one may take.
MOST_OPEN: Final = 16
PATIENCE: Final = 5.0
_HEADER_BYTES: Final = 8 << 10
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_PAGES: Final = ("/metrics", "/status.json", "/healthz")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pages:
    """What is shown.

    Attributes:
        status: makes the status.
        metrics: makes the metrics of a status.
    """

    status: Callable[[], Awaitable[dict[str, Any]]]
    metrics: Callable[[dict[str, Any]], bytes]


@dataclass(frozen=True, slots=True)
class Visitors:
    """Who may see what.

    Attributes:
        token: that is asked for; empty where the socket itself lets nobody else in.
        open_metrics: whether metrics are shown without it.
        hosts: names that a ``Host`` header may have, against names that a web page has pointed
            at this machine; empty for any.
    """

    token: str = ""
    open_metrics: bool = False
    hosts: tuple[str, ...] = ()

    @classmethod
    def of_address(cls, address: str, token: str, *, loopback: bool) -> Visitors:
        """Everybody on this machine may see metrics; whoever has the token, all."""
        hosts = (*_LOOPBACK_NAMES, host_of(address)) if loopback else ()
        return cls(token, open_metrics=loopback, hosts=hosts)

    def refusal(self, path: str, headers: dict[str, str]) -> tuple[int, str] | None:
        """Return why a request is not answered, None where it is."""
        if self.hosts and _name(headers.get("host", "")) not in self.hosts:
            return 421, "host: not a name of this machine. Fix: ask 127.0.0.1 or localhost."
        if not self.token or path == "/healthz" or (self.open_metrics and path == "/metrics"):
            return None
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self.token.encode()):
            return None
        return 401, "authorization: missing or wrong. Fix: send 'Authorization: Bearer TOKEN'."


class StatusPage:
    """Listens at any number of places.

    Args:
        pages: what is shown.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._servers: list[asyncio.Server] = []
        self._visits: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def listen(self, address: str, who: Visitors, tls: ssl.SSLContext | None) -> int:
        """Listen on a host and a port; return the port. Raises OSError."""
        host, port = host_of(address), int(address.rpartition(":")[2])
        server = await asyncio.start_server(
            self._handler(who), host, port, ssl=tls, limit=_HEADER_BYTES,
            ssl_handshake_timeout=None if tls is None else PATIENCE,
        )  # fmt: skip
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def listen_here(self, path: Path) -> None:
        """Listen on a Unix socket that only this user can connect to. Raises OSError."""
        path.unlink(missing_ok=True)  # an earlier daemon's: this one holds the folder's lock
        listener = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        handler = self._handler(Visitors())
        self._servers.append(await asyncio.start_unix_server(handler, sock=listener))

    async def close(self) -> None:
        """Stop listening, and end the visits that are under way. Harmless twice."""
        for server in self._servers:
            server.close()
        self._servers = []
        for writer in self._visits.values():
            writer.close()
        await asyncio.gather(*self._visits, return_exceptions=True)

    def _handler(
        self, who: Visitors
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            visit = asyncio.current_task()
            assert visit is not None
            self._visits[visit] = writer
            try:
                if len(self._visits) <= MOST_OPEN:
                    async with asyncio.timeout(PATIENCE):
                        await self._answer(who, reader, writer)
            except (OSError, TimeoutError):
                pass  # gone, or too slow
            except Exception:
                _log.exception("a page of the status failed")
            finally:
                del self._visits[visit]
                writer.close()

        return handle

    async def _answer(
        self, who: Visitors, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEADER_BYTES)
        try:
            request = await _request(connection, reader)
        except h11.RemoteProtocolError as problem:
            status, body, kind = problem.error_status_hint, b"no HTTP request", "text/plain"
            head = False
        else:
            if request is None:
                return
            status, body, kind = await self._page(who, request)
            head = request.method == b"HEAD"
        headers = [
            ("content-type", kind),
            ("content-length", str(len(body))),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("connection", "close"),
        ]
        writer.write(connection.send(h11.Response(status_code=status, headers=headers)) or b"")
        writer.write(b"" if head else body)
        await writer.drain()

    async def _page(self, who: Visitors, request: h11.Request) -> tuple[int, bytes, str]:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers
        }
        path = request.target.decode("latin-1").partition("?")[0]
        plain = "text/plain; charset=utf-8"
        if request.method not in (b"GET", b"HEAD"):
            return 405, b"GET only\n", plain
        if path not in _PAGES:
            return 404, f"{', '.join(_PAGES)}\n".encode(), plain
        if (refusal := who.refusal(path, headers)) is not None:
            return refusal[0], f"{refusal[1]}\n".encode(), plain
        status = await self._pages.status()
        if path == "/status.json":
            return 200, json.dumps(status).encode(), "application/json"
        if path == "/metrics":
            return 200, self._pages.metrics(status), "text/plain; version=1.0.0; charset=utf-8"
        ready = status["state"] == "serving"
        return (200 if ready else 503), f"{status['state']}\n".encode(), plain


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        connection.receive_data(await reader.read(_HEADER_BYTES))


def _name(host: str) -> str:
    """The name in a ``Host`` header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host.partition(":")[0]
