"""The gateway as one ASGI application: who may ask is decided first, errors have one form."""

from __future__ import annotations

import contextlib
import logging
from importlib.metadata import version
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from retouch_bridge.gateway.access import Access
from retouch_bridge.gateway.refusals import Refused, refusal
from retouch_bridge.gateway.request_bodies import Incoming
from retouch_bridge.gateway.routes import Routes
from retouch_bridge.gateway.studio_files import policy
from retouch_bridge.gateway.until_gone import Gone

EVENTS: Final = "/v1/events"
_ALWAYS: Final = (
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
)
_log = logging.getLogger(__name__)


class Application:
    """Answers everything.

    Args:
        access: who may ask.
        routes: what there is.
    """

    def __init__(self, access: Access, routes: Routes) -> None:
        self._access, self._routes = access, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one socket."""
        if scope["type"] == "websocket":
            await self._socket(WebSocket(scope, receive, send))
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        answer = _Answer(send, self._extra(scope["path"], headers))
        incoming = Incoming(receive)
        try:
            await self._answered(scope, headers, incoming.receive, answer)
        except Gone:
            pass
        except Exception as problem:
            if answer.started:  # cut off: what was announced does not come
                if not isinstance(problem, Refused):
                    _log.exception("an answer failed")
                raise _Cut from problem
            if "expect" not in headers:  # who asks first sends nothing that is not wanted
                await incoming.drain()
            await _response(_refused(problem))(scope, receive, answer.send)

    async def _answered(
        self, scope: Scope, headers: Headers, receive: Receive, answer: _Answer
    ) -> None:
        path = scope["path"]
        self._access.check_place(headers, path)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            preflight = dict(self._access.preflight(headers))
            await Response(status_code=204, headers=preflight)(scope, receive, answer.send)
            return
        if not self._access.is_open(path):
            scope["caller"] = self._access.caller(headers, path)
            scope["owner"] = self._access.is_owner(headers)
        scope["app"] = self  # so that the router raises what it cannot answer
        await self._open_or_routed(path)(scope, receive, answer.send)

    def _open_or_routed(self, path: str) -> ASGIApp:
        if path == "/v1/hello":
            return self._hello
        if path in ("/", "/studio"):
            return RedirectResponse("/studio/")
        return self._routes

    async def _hello(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin")
        listed = origin is None or self._access.lists(origin)
        needs = "token" if listed else "pairing"
        about = {"product": "retouch", "version": version("retouch"), "needs": needs}
        await JSONResponse(about)(scope, receive, send)

    def _extra(self, path: str, headers: Headers) -> list[tuple[str, str]]:
        found = [*_ALWAYS, *self._access.cors(headers, path)]
        return [*found, *policy(headers.get("host", ""))] if path.startswith("/studio/") else found

    async def _socket(self, socket: WebSocket) -> None:
        path = socket.scope["path"]
        try:
            self._access.check_place(socket.headers, path)
            if path != EVENTS:
                raise refusal("not_found", f"no socket at {path[:100]}", f"open {EVENTS}")
            await self._routes.sockets.serve(socket)
        except Refused as problem:
            await socket.send_denial_response(_response(problem))
        except Exception:
            _log.exception("a socket failed")
            with contextlib.suppress(RuntimeError):
                await socket.close(1011, "the gateway failed")


class _Cut(Exception):
    """An answer was cut off; its connection is closed."""


class _Answer:
    """An answer on its way, with headers that every answer has."""

    def __init__(self, send: Send, extra: list[tuple[str, str]]) -> None:
        self._send, self.started = send, False
        self._extra = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in extra]

    async def send(self, message: Message) -> None:
        """Send a part of it."""
        if message["type"] == "http.response.start":
            self.started = True
            given = list(message.get("headers", ()))
            names = {name for name, _ in given}
            more = [each for each in self._extra if each[0] not in names]
            message = {**message, "headers": [*given, *more]}
        await self._send(message)


def _refused(problem: Exception) -> Refused:
    """What a client is told of an exception."""
    if isinstance(problem, Refused):
        return problem
    if isinstance(problem, HTTPException):
        if problem.status_code == 405:
            allow = (problem.headers or {}).get("Allow", "")
            what, fix = "not with this method", f"use {allow}"
            headers = (("allow", allow),)
            return refusal("unimplemented", what, fix, status=405, headers=headers)
        return refusal("not_found", "there is nothing here", "see docs/bridge.md")
    _log.error("a request failed", exc_info=problem)
    fix = "try again; where it stays, report it with the daemon's log"
    return refusal("internal", "the gateway failed", fix)


def _response(problem: Refused) -> Response:
    headers = dict(problem.headers)
    return Response(problem.body(), problem.status, headers, media_type="application/json")
