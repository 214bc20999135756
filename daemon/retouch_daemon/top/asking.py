"""Where ``retouch top`` gets the status: this user's own socket, or another machine's HTTPS."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from retouch.client.failures import DaemonFailed
from retouch.client.finding import Endpoint, default_folder
from retouch.errors import InvalidField

PATIENCE: Final = 5.0
_MOST_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """Where a daemon's status is.

    Attributes:
        folder: of a daemon of this user, which has a socket there.
        url: of a status address, ``http://`` on this machine or ``https://``; goes first.
        token_file: what the daemon behind ``url`` asks for.
        ca: authorities that its certificate must be of; None takes the system's.

    Raises:
        InvalidField: an address that is none.
    """

    folder: Path | None = None
    url: str = ""
    token_file: Path | None = None
    ca: Path | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if self.url and (parts.scheme not in ("http", "https") or not parts.hostname):
            allowed = "http://127.0.0.1:7861 or https://HOST:PORT"
            raise InvalidField("url", self.url, allowed, "give the daemon's status address")

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.url or str(self._socket)

    def read(self) -> dict[str, Any]:
        """Return the status.

        Raises:
            DaemonFailed: no daemon answers, or it says no. InvalidField: the token cannot be read.
        """
        headers = {"Authorization": f"Bearer {self._endpoint.token()}"} if self.url else {}
        try:
            connection = self._connection()
            try:
                connection.request("GET", "/status.json", headers=headers)
                answer = connection.getresponse()
                body = answer.read(_MOST_BYTES)
            finally:
                connection.close()
            if answer.status != http.HTTPStatus.OK:
                words = body.decode("utf-8", "replace").strip()[:200]
                raise DaemonFailed(f"the daemon at {self.name} said {answer.status}: {words}")
            found: dict[str, Any] = json.loads(body)
        except (OSError, ValueError, http.client.HTTPException) as problem:
            fix = "start it with `retouch serve`, or give --folder or --url"
            raise DaemonFailed(
                f"no daemon answers at {self.name} ({problem}). Fix: {fix}.", retryable=True
            ) from problem
        return found

    @property
    def _socket(self) -> Path:
        return (self.folder or default_folder()) / "status"

    @property
    def _endpoint(self) -> Endpoint:
        return Endpoint() if self.token_file is None else Endpoint(token_file=self.token_file)

    def _connection(self) -> http.client.HTTPConnection:
        if not self.url:
            return _HereConnection(self._socket)
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
        trusted = ssl.create_default_context(cafile=self.ca)
        return http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=PATIENCE, context=trusted
        )


class _HereConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise
