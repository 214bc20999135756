"""``GET /v1/events``: any number of calls over one WebSocket, ``Live`` among them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.websockets import WebSocket, WebSocketDisconnect

from retouch_bridge.gateway.access import Access
from retouch_bridge.gateway.daemon_calls import Caller, Daemon
from retouch_bridge.gateway.refusals import Refused, refusal
from retouch_bridge.gateway.socket_calls import SocketCalls
from retouch_bridge.gateway.until_gone import Gone

SUBPROTOCOL: Final = "retouch.v1.json"
#: Seconds within which a socket must show the token.
PATIENCE: Final = 5.0
#: Sockets that are open at a time.
MOST_SOCKETS: Final = 128
#: Close codes: the token, text that is none of ours, and too many sockets.
UNAUTHENTICATED: Final = 4401
_NOT_TEXT: Final = 1003
_TRY_LATER: Final = 1013
_KEYS: Final = frozenset(("token", "client"))


class EventSockets:
    """Serves sockets.

    Args:
        daemon: behind them.
        access: who may ask.
    """

    def __init__(self, daemon: Daemon, access: Access) -> None:
        self._daemon, self._access = daemon, access
        self.open = 0

    async def serve(self, socket: WebSocket) -> None:
        """Serve one socket to its end. Raises Refused before it is accepted."""
        if SUBPROTOCOL not in socket.scope["subprotocols"]:
            what = f"the subprotocol {SUBPROTOCOL} was not offered"
            fix = f"open it with new WebSocket(url, {SUBPROTOCOL!r})"
            raise refusal("invalid_argument", what, fix, field="Sec-WebSocket-Protocol")
        headers = socket.headers
        caller = self._access.caller(headers, "/v1/events") if _shows_token(headers) else None
        await socket.accept(SUBPROTOCOL)
        self.open += 1
        try:
            if self.open > MOST_SOCKETS:
                await socket.close(_TRY_LATER, "too many sockets. Fix: close some.")
                return
            await self._served(socket, caller)
        except WebSocketDisconnect:
            pass
        finally:
            self.open -= 1

    async def _served(self, socket: WebSocket, caller: Caller | None) -> None:
        if caller is None:
            try:
                async with asyncio.timeout(PATIENCE):
                    caller = self._shown(await _frame(socket))
            except (Refused, TimeoutError):
                await socket.close(UNAUTHENTICATED, "token: missing or wrong")
                return
        calls = SocketCalls(self._daemon, caller, partial(_sent, socket))
        try:
            first = True
            while (frame := await _frame(socket)) is not None:
                if first and frame.keys() <= _KEYS and "token" in frame:
                    calls.caller = self._shown(frame)  # shown twice: in the header, too
                else:
                    await calls.take(frame)
                first = False
        except Refused as problem:
            await socket.close(UNAUTHENTICATED, problem.words[:100])
        except Gone:
            pass
        finally:
            await calls.end()

    def _shown(self, frame: Mapping[str, Any] | None) -> Caller:
        """The caller that a first frame shows. Raises Refused."""
        token, name = (frame or {}).get("token"), (frame or {}).get("client", "")
        if not isinstance(token, str) or not isinstance(name, str):
            raise refusal("unauthenticated", "missing", "send the token first", field="token")
        return self._access.named(token, name)


async def _sent(socket: WebSocket, text: str) -> None:
    """Send text; wait while the client does not read. Raises Gone."""
    try:
        await socket.send_text(text)
    except (WebSocketDisconnect, RuntimeError, OSError) as problem:
        raise Gone from problem


def _shows_token(headers: Headers) -> bool:
    return "authorization" in headers


async def _frame(socket: WebSocket) -> dict[str, Any] | None:
    """The next frame; None where the socket ends. What is no object counts as an empty one."""
    message = await socket.receive()
    if message["type"] != "websocket.receive":
        return None
    text = message.get("text")
    if text is None:
        await socket.close(_NOT_TEXT, "text frames only")
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
