"""Calls in Connect's wire format: one answer, or a stream of them in envelopes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from retouch_bridge.gateway.daemon_calls import Caller, Daemon
from retouch_bridge.gateway.methods import METHODS, Method
from retouch_bridge.gateway.refusals import Refused, refusal
from retouch_bridge.gateway.request_bodies import message_body
from retouch_bridge.gateway.until_gone import Gone, Presence
from retouch_bridge.gateway.wire_forms import LAST, Form, enveloped, only_envelope

_UNARY: Final = MappingProxyType({"application/json": Form.JSON, "application/proto": Form.PROTO})
_STREAM: Final = MappingProxyType(
    {"application/connect+json": Form.JSON, "application/connect+proto": Form.PROTO}
)
_MILLISECONDS: Final = re.compile(r"[0-9]{1,10}")
#: Bytes from which a message is read in a thread of its own, so that others need not wait.
_LARGE: Final = 64 << 10
#: Where else pixels and brushes go.
_ELSEWHERE: Final = MappingProxyType(
    {
        "BlobService/Put": "PUT the bytes to /v1/blobs/{sha256}",
        "EditService/Live": "use the WebSocket at /v1/events",
    }
)


class ConnectCalls:
    """Serves ``POST /retouch.v1.SERVICE/METHOD``, as an ASGI application.

    Args:
        daemon: behind it.
        presence: of clients.
    """

    def __init__(self, daemon: Daemon, presence: Presence) -> None:
        self._daemon, self._presence = daemon, presence
        self._methods = {method.path: method for method in METHODS.values()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call. Raises Refused, Gone."""
        request = Request(scope, receive)
        method = self._methods.get(scope["path"])
        if method is None:
            what = f"there is no method {scope['path'][:100]}"
            raise refusal("unimplemented", what, "ask one of retouch.v1", status=404)
        if request.method != "POST":
            headers = (("allow", "POST"),)
            raise refusal("unimplemented", "POST only", "send POST", status=405, headers=headers)
        if method.takes_stream:
            what = f"{method.name} cannot be called over HTTP/1.1"
            raise refusal("unimplemented", what, _ELSEWHERE[method.name])
        form = form_of(request, _STREAM if method.gives_stream else _UNARY)
        seconds = _seconds(request)
        body = await message_body(request)
        data = only_envelope(body) if method.gives_stream else body
        message = await message_of(form, method.request, data)
        call = _Call(method, message, scope["caller"], form, seconds)
        if method.gives_stream:
            await self._stream(call, receive, send)
        else:
            answer = await self._presence.run(receive, self._asked(call))
            await Response(answer, media_type=f"application/{form.value}")(scope, receive, send)

    async def _asked(self, call: _Call) -> bytes:
        answer = await self._daemon.ask(call.method.name, call.message, call.caller, call.seconds)
        return call.form.write(answer)

    async def _stream(self, call: _Call, receive: Receive, send: Send) -> None:
        kind = f"application/connect+{call.form.value}"
        await send({"type": "http.response.start", "status": 200, "headers": _headers(kind)})
        error: Mapping[str, Any] = {}
        try:
            await self._presence.run(receive, self._sent(call, send))
        except Gone:
            return
        except Refused as problem:
            error = {"error": problem.described()}
        last = enveloped(LAST, json.dumps(error, ensure_ascii=False).encode())
        await send({"type": "http.response.body", "body": last})

    async def _sent(self, call: _Call, send: Send) -> None:
        answers = self._daemon.follow(call.method.name, call.message, call.caller, call.seconds)
        async with aclosing(answers):
            async for answer in answers:
                frame = enveloped(0, call.form.write(answer))
                # Waits while the client does not read: so the daemon is not read from either.
                await send({"type": "http.response.body", "body": frame, "more_body": True})


class _Call:
    """One call as it was asked for."""

    def __init__(
        self, method: Method, message: Message, caller: Caller, form: Form, seconds: float | None
    ) -> None:
        self.method, self.message, self.caller = method, message, caller
        self.form, self.seconds = form, seconds


def form_of(request: Request, allowed: Mapping[str, Form]) -> Form:
    """Return how a request's message is written. Raises Refused: in a way that is not ours."""
    given = request.headers.get("content-type", "")
    kind, _, parameters = given.partition(";")
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    accepted = ", ".join(allowed)
    if coding != "identity":
        what, fix = f"got {coding[:40]!r}; allowed: identity", "send it without compression"
        raise refusal("unimplemented", what, fix, field="Content-Encoding", status=415)
    form = allowed.get(kind.strip().lower())
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if form is None or charset not in ("", "utf-8"):
        what, headers = f"got {given[:80]!r}; allowed: {accepted}", (("accept-post", accepted),)
        raise refusal(
            "invalid_argument", what, "send one of these", field="Content-Type", status=415,
            headers=headers,
        )  # fmt: skip
    return form


async def message_of(form: Form, kind: type[Message], data: bytes) -> Message:
    """Return the message that bytes are. Raises Refused."""
    if len(data) < _LARGE:
        return form.read(kind, data)
    return await asyncio.to_thread(form.read, kind, data)


def _seconds(request: Request) -> float | None:
    given = request.headers.get("connect-timeout-ms")
    if given is None:
        return None
    if not _MILLISECONDS.fullmatch(given):
        what = f"got {given[:40]!r}; allowed: up to ten digits"
        raise refusal("invalid_argument", what, "send milliseconds", field="Connect-Timeout-Ms")
    return int(given) / 1000


def _headers(kind: str) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", kind.encode())]
