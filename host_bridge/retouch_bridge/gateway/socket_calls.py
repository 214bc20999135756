"""The calls of one WebSocket: begun, fed and cancelled by frames of their client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, Final

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message

from retouch_bridge.gateway.daemon_calls import Caller, Daemon
from retouch_bridge.gateway.methods import METHODS, Method
from retouch_bridge.gateway.refusals import Refused, refusal
from retouch_bridge.gateway.until_gone import Gone

#: Open calls of one socket, and messages that one call has not sent on yet.
MOST_CALLS: Final = 64
MOST_WAITING: Final = 16
_NAME: Final = 64
_KEYS: Final = frozenset(("id", "method", "message", "cancel", "end"))
_BINARY: Final = ("BlobService/Put", "BlobService/Get")


class _Open:
    """One call that is under way."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.task: asyncio.Task[None] | None = None
        self.cancelled = False
        #: Messages of the client, and None for their end.
        self.messages: asyncio.Queue[Message | None] = asyncio.Queue(MOST_WAITING)

    def cancel(self) -> None:
        """End it, once: what it says last is not to be cut off."""
        if self.task is not None and not self.cancelled:
            self.cancelled = True
            self.task.cancel()

    async def sent(self) -> AsyncIterator[Message]:
        """Yield what the client sends."""
        while (message := await self.messages.get()) is not None:
            yield message


class SocketCalls:
    """Makes the calls that frames ask for.

    Args:
        daemon: that is asked.
        caller: who asks.
        send: sends text to the client, or raises Gone.
    """

    def __init__(
        self, daemon: Daemon, caller: Caller, send: Callable[[str], Awaitable[None]]
    ) -> None:
        self._daemon, self.caller, self._send_text = daemon, caller, send
        self._open: dict[str | int, _Open] = {}

    async def take(self, frame: dict[str, Any]) -> None:
        """Do what a frame asks for; what it gets wrong is answered, and the socket goes on.

        Raises:
            Gone: the client has left.
        """
        name = frame.get("id")
        try:
            known = self._known(name, frame)
            if frame.get("cancel") is True:
                if known is not None:
                    known.cancel()
            elif known is not None:
                self._feed(known, frame)
            elif not frame.get("end"):
                self._begin(_checked_name(name), frame)
        except Refused as problem:
            said = name if _is_name(name) else None
            await self._send({"id": said, "error": problem.described()})

    async def end(self) -> None:
        """Cancel all calls."""
        tasks = [call.task for call in self._open.values() if call.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _known(self, name: Any, frame: dict[str, Any]) -> _Open | None:
        """The call that a frame is about; None where it would begin one. Raises Refused."""
        _checked_name(name)
        if unknown := sorted(str(key)[:40] for key in frame.keys() - _KEYS):
            what = f"got {', '.join(unknown[:5])}; allowed: {', '.join(sorted(_KEYS))}"
            raise refusal("invalid_argument", what, "leave the others out", field="frame")
        return self._open.get(name)

    def _begin(self, name: str | int, frame: dict[str, Any]) -> None:
        method = _method(frame.get("method"))
        if len(self._open) >= MOST_CALLS:
            what, fix = f"{MOST_CALLS} calls are open", "end some"
            raise refusal("resource_exhausted", what, fix, field="id")
        call = _Open(method)
        message = None
        if not method.takes_stream or "message" in frame:
            message = _message(method, frame.get("message", {}))
        if method.takes_stream and message is not None:
            call.messages.put_nowait(message)
        self._open[name] = call
        call.task = asyncio.create_task(self._run(name, call, message))

    def _feed(self, call: _Open, frame: dict[str, Any]) -> None:
        """Hand a message on to a call that takes several. Raises Refused; the call goes on."""
        if not call.method.takes_stream:
            fix = "use another id until this call is over"
            raise refusal("invalid_argument", "this call is open already", fix, field="id")
        try:
            if "message" in frame:
                call.messages.put_nowait(_message(call.method, frame["message"]))
            if frame.get("end") is True:
                call.messages.put_nowait(None)
        except asyncio.QueueFull as problem:
            what = f"{MOST_WAITING} messages wait; this one was dropped"
            raise refusal("resource_exhausted", what, "send fewer", field="message") from problem

    async def _run(self, name: str | int, call: _Open, message: Message | None) -> None:
        try:
            last = await self._answered(name, call, message)
        except Refused as problem:
            last = {"error": problem.described()}
        except asyncio.CancelledError:
            last = {"error": Refused("canceled", "the call was cancelled").described()}
        except Gone:
            return
        finally:
            self._open.pop(name, None)
        with suppress(Gone):
            await self._send({"id": name, **last})

    async def _answered(
        self, name: str | int, call: _Open, message: Message | None
    ) -> dict[str, Any]:
        """Run a call; return its last frame. Raises Refused."""
        method = call.method.name
        if call.method.takes_stream:
            answers = self._daemon.converse(method, call.sent(), self.caller)
        else:
            assert message is not None
            if not call.method.gives_stream:
                answer = await self._daemon.ask(method, message, self.caller)
                return {"message": MessageToDict(answer), "done": True}
            answers = self._daemon.follow(method, message, self.caller)
        async with aclosing(answers):
            async for answer in answers:
                await self._send({"id": name, "event": MessageToDict(answer)})
        return {"done": True}

    async def _send(self, frame: dict[str, Any]) -> None:
        # Waits while the client does not read: so the daemon is not read from either.
        await self._send_text(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))


def _is_name(name: Any) -> bool:
    if isinstance(name, str):
        return 0 < len(name) <= _NAME
    return isinstance(name, int) and not isinstance(name, bool)


def _checked_name(name: Any) -> str | int:
    """The id of a call. Raises Refused."""
    if _is_name(name):
        found: str | int = name
        return found
    allowed = f"a number, or a text of 1 to {_NAME} characters, in a JSON object"
    what = f"got {str(name)[:80]!r}; allowed: {allowed}"
    raise refusal("invalid_argument", what, "name the call", field="id")


def _method(name: Any) -> Method:
    """The method that a frame names. Raises Refused."""
    if name in _BINARY:
        what, fix = f"{name} carries pixels", "use /v1/blobs/{sha256}"
        raise refusal("unimplemented", what, fix, field="method")
    found = METHODS.get(name) if isinstance(name, str) else None
    if found is None:
        what = f"got {str(name)[:80]!r}; allowed: {', '.join(sorted(METHODS))}"
        raise refusal("unimplemented", what, "name one of these", field="method")
    return found


def _message(method: Method, given: Any) -> Message:
    """A message in JSON form. Raises Refused."""
    kind = method.request
    try:
        message: Message = ParseDict(given, kind())
    except (ParseError, AttributeError, TypeError, RecursionError) as problem:
        name = kind.DESCRIPTOR.full_name
        words = " ".join(str(problem).split())[:300].rstrip(".")
        what, fix = f"{words} (this is not {name})", f"send {name} in protobuf's JSON form"
        raise refusal("invalid_argument", what, fix, field="message") from problem
    return message
