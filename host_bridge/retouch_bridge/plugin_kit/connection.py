"""HTTP to a daemon's gateway with ``http.client``: connections, retries, and streams that can stop.

``urllib.request`` is not used: it obeys proxy variables, and a proxy has no business here.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import closing
from typing import Any, Callable, Dict, Iterator, NamedTuple

from .daemon_address import Found
from .failures import Lost, NotRunning, error_of_answer
from .stoppable import StoppableConnection

#: Bytes that are sent or read at once.
_PIECE = 1 << 20
#: Connections that are kept for the next call.
_IDLE = 4
#: What a call is that has not reached the daemon, or not all of its answer.
_BROKEN = (OSError, http.client.HTTPException)

Headers = Dict[str, str]


class Answer(NamedTuple):
    """Status, headers with lower-case names, and body of an answer."""

    status: int
    headers: Headers
    body: bytes


class Connections:
    """Calls to one gateway, from any thread.

    Args:
        locate: says where it is; asked again when it does not answer, or does not know the token.
        client_name: of the caller.
        timeout: seconds of silence after which a call is given up; streams wait for ever.
    """

    def __init__(self, locate: Callable[[], Found], client_name: str, timeout: float) -> None:
        self._locate, self._name, self._timeout = locate, client_name, timeout
        self._found = locate()
        self._idle: list[StoppableConnection] = []
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """Where the gateway was last."""
        return self._found.address

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.close()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Headers | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> Answer:
        """Make a call and read all of its answer.

        Args:
            method, path, body, headers: of HTTP.
            sent: told how many bytes of the body have been sent.

        Raises:
            NotRunning, Lost, Failed: also for every status of 400 and more but HEAD's.
        """

        def once(found: Found) -> Answer:
            return self._asked(found, method, path, body, headers or {}, sent)

        answer: Answer = self._where_it_is(once)
        if answer.status >= 400 and method != "HEAD":
            raise error_of_answer(_object(answer.body), answer.status)
        return answer

    def frames(
        self, path: str, message: bytes, stop: threading.Event | None = None
    ) -> Iterator[dict[str, Any]]:
        """Make a call with a stream of answers in Connect's frames; yield them as JSON.

        Raises:
            Stopped: ``stop`` was set. NotRunning, Lost, Failed.
        """
        kind = "application/connect+json"
        body = b"\0" + len(message).to_bytes(4, "big") + message

        def once(found: Found) -> Any:
            connection = self._connected(found)
            connection.silence, connection.stop = None, stop
            try:
                self._send(connection, found, "POST", path, body, {"Content-Type": kind}, None)
                response = connection.getresponse()
            except BaseException:
                connection.close()
                raise
            return response, connection

        response, connection = self._where_it_is(once)
        with closing(connection), closing(response):
            if response.status != 200:
                raise error_of_answer(_object(response.read()), response.status)
            yield from self._framed(response)

    def _framed(self, response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
        while True:
            try:
                head = response.read(5)
                data = response.read(int.from_bytes(head[1:], "big"))
            except _BROKEN as problem:
                raise self._lost(problem) from problem
            if len(head) < 5 or len(data) < int.from_bytes(head[1:], "big"):
                raise self._lost("it ended early")
            found = _object(data)
            if head[0] & 2:
                if found.get("error"):
                    raise error_of_answer(found["error"])
                return
            yield found

    def _where_it_is(self, once: Callable[[Found], Any]) -> Any:
        """Do something; again where the daemon has come back at another place or with a token."""
        found = self._found
        try:
            answer = once(found)
            status = answer.status if isinstance(answer, Answer) else answer[0].status
            if status != 401 or not self._moved(found):
                return answer
            if not isinstance(answer, Answer):
                answer[1].close()
        except NotRunning:
            if not self._moved(found):
                raise
        return once(self._found)

    def _moved(self, found: Found) -> bool:
        try:
            self._found = self._locate()
        except NotRunning:
            return False
        return self._found != found

    def _asked(
        self,
        found: Found,
        method: str,
        path: str,
        body: bytes,
        headers: Headers,
        sent: Callable[[int], None] | None,
    ) -> Answer:
        connection = self._taken(found)
        used = connection is not None
        connection = connection or self._connected(found)
        try:
            self._send(connection, found, method, path, body, headers, sent)
            response = connection.getresponse()
        except _BROKEN as problem:
            connection.close()
            # It was closed meanwhile. A long body goes on where it was instead, see ``put``.
            if used and len(body) <= _PIECE and not isinstance(problem, socket.timeout):
                self.close()
                return self._asked(found, method, path, body, headers, sent)
            raise self._lost(problem) from problem
        except BaseException:
            connection.close()
            raise
        answer = Answer(response.status, _lower(response), self._body(response, connection))
        if response.will_close or connection.sock is None:
            connection.close()
        else:
            self._give_back(connection)
        return answer

    def _body(self, response: http.client.HTTPResponse, connection: StoppableConnection) -> bytes:
        got = bytearray()
        try:
            for piece in iter(lambda: response.read(_PIECE), b""):
                got += piece
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
        except _BROKEN as problem:
            connection.close()
            lost = self._lost(problem)
            lost.partial = bytes(got)
            raise lost from problem
        return bytes(got)

    def _send(
        self,
        connection: StoppableConnection,
        found: Found,
        method: str,
        path: str,
        body: bytes,
        headers: Headers,
        sent: Callable[[int], None] | None,
    ) -> None:
        connection.putrequest(method, path, skip_accept_encoding=True)
        ours = {"Authorization": "Bearer " + found.token, "Retouch-Client": self._name}
        if method in ("POST", "PUT"):
            ours["Content-Length"] = str(len(body))
        for name, value in {**ours, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        view = memoryview(body)
        connection.sock.settimeout(self._timeout)
        for start in range(0, len(view), _PIECE):
            try:
                connection.send(view[start : start + _PIECE])
            except (BrokenPipeError, ConnectionResetError):
                return  # it has refused already: its answer says why
            if sent is not None:
                sent(min(len(view), start + _PIECE))

    def _taken(self, found: Found) -> StoppableConnection | None:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if f"{connection.host}:{connection.port}" == found.address:
                    return connection
                connection.close()
        return None

    def _give_back(self, connection: StoppableConnection) -> None:
        with self._lock:
            if len(self._idle) < _IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _connected(self, found: Found) -> StoppableConnection:
        host, _, port = found.address.rpartition(":")
        try:
            connection = StoppableConnection(host.strip("[]"), int(port), timeout=self._timeout)
            connection.silence = self._timeout
            connection.connect()
        except (OSError, ValueError) as problem:
            fix = "start it with `retouch serve`"
            raise NotRunning(
                f"Retouch does not answer at {found.address}. Fix: {fix}."
            ) from problem
        return connection

    def _lost(self, why: Any) -> Lost:
        if isinstance(why, socket.timeout):
            why = f"no answer for {self._timeout:g} s"
        words = f"The connection to Retouch at {self.address} broke ({why})"
        return Lost(f"{words}. Fix: try again; see whether `retouch serve` still runs.")


def _lower(response: http.client.HTTPResponse) -> Headers:
    return {name.lower(): value for name, value in response.getheaders()}


def _object(data: bytes) -> dict[str, Any]:
    """An answer in JSON; empty where it is none."""
    try:
        found = json.loads(data.decode("utf-8")) if data else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
