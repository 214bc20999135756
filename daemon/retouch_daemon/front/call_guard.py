"""Holds every call to the limits, and answers what goes wrong in it: no service does so itself.

A greedy client waits, the others do not.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc

from retouch.errors import InvalidField
from retouch_daemon.front.call_limits import CallLimits
from retouch_daemon.front.identity import OPEN, client_of
from retouch_daemon.front.statuses import Draining, answering
from retouch_daemon.front.unreadable import checked, checked_stream, reading
from retouch_daemon.storage.errors import QuotaExceeded

#: Whom probes count for: they have no name.
PROBES: Final = "(probes)"
#: Calls that would bring new work, refused while the daemon drains.
_NEW_WORK: Final = frozenset(
    f"/retouch.v1.EditService/{name}" for name in ("Submit", "Run", "Live")
)
#: Seconds after which a call that ended may have made room.
_SOON: Final = 1.0
#: Seconds that a call waits for its refusal, at least and at most: whoever asks again at once takes
#: less of others' time, and the less the more it has been refused of late.
_HELD: Final = 0.5
_HELD_MOST: Final = 4.0
#: Refusals after which that is twice as long, and how many are remembered; one is forgotten every
#: second.
_DOUBLED_AFTER: Final = 8.0
_REMEMBERED: Final = 64.0
#: Seconds that a caller has left when it gets its refusal, where it does not wait for ever.
_IN_TIME: Final = 0.2

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class _Caller:
    """One client: the level of its bucket, when that was looked at, and its open calls.

    Those that wait for their refusal are counted apart. ``refused`` is how many were of late, at
    ``refused_at``.
    """

    level: float
    seen: float
    calls: int = 0
    held: int = 0
    refused: float = 0.0
    refused_at: float = 0.0


class Callers:
    """Counts what every client asks. All methods are called on one event loop.

    Args:
        limits: see there.
        now: a clock in seconds.
    """

    def __init__(self, limits: CallLimits, now: Callable[[], float] = time.monotonic) -> None:
        self.limits, self._now = limits, now
        self._callers: OrderedDict[str, _Caller] = OrderedDict()
        self.refusals: Counter[str] = Counter()
        self.draining = False

    def open_calls(self) -> dict[str, int]:
        """Return how many calls every client has open."""
        return {name: caller.calls for name, caller in self._callers.items() if caller.calls}

    @contextmanager
    def call(self, client: str) -> Iterator[None]:
        """Let a call in for as long as the block runs.

        Raises:
            QuotaExceeded: the client asks too much.
        """
        caller = self._caller(client)
        self._take(caller)
        most = self.limits.probes if client == PROBES else self.limits.at_once
        if caller.calls >= most:
            fix = "end some: close streams that nobody reads"
            self._refuse("calls at once", caller.calls + 1, most, fix, _SOON)
        caller.calls += 1
        try:
            yield
        finally:
            caller.calls -= 1

    async def hold(self, client: str, remaining: float | None = None) -> None:
        """Let a call that is refused wait for that, if not too many of its client wait already.

        Args:
            client: whose call it is.
            remaining: seconds that its caller still waits; None for ever.
        """
        caller = self._callers.get(client)
        if caller is not None and caller.held < self.limits.at_once:
            caller.held += 1
            try:
                most = math.inf if remaining is None else max(0.0, remaining - _IN_TIME)
                await asyncio.sleep(min(self._patience(caller), most))
            finally:
                caller.held -= 1

    def _patience(self, caller: _Caller) -> float:
        """Seconds that a client's next refusal is to take."""
        now = self._now()
        of_late = max(0.0, caller.refused - (now - caller.refused_at))
        caller.refused, caller.refused_at = min(of_late + 1, _REMEMBERED), now
        return min(_HELD_MOST, _HELD * (1 + of_late / _DOUBLED_AFTER))

    def _caller(self, client: str) -> _Caller:
        if client not in self._callers:
            if len(self._callers) >= self.limits.clients:
                self._forget_quiet()
            self._callers[client] = _Caller(self.limits.burst, self._now())
        self._callers.move_to_end(client)
        return self._callers[client]

    def _forget_quiet(self) -> None:
        """Forget who has asked nothing for the longest; its bucket is full again by then."""
        since = self._now() - self.limits.burst / self.limits.per_second
        quiet = (n for n, c in self._callers.items() if not (c.calls or c.held) and c.seen <= since)
        name = next(quiet, None)
        if name is None:
            fix = "give the clients fewer names"
            self._refuse("clients", len(self._callers) + 1, self.limits.clients, fix, _SOON)
        else:
            del self._callers[name]

    def _take(self, caller: _Caller) -> None:
        """One call out of the bucket, which fills up all the time."""
        now, rate = self._now(), self.limits.per_second
        caller.level = min(self.limits.burst, caller.level + (now - caller.seen) * rate)
        caller.seen = now
        if caller.level < 1:
            asked = round(self.limits.burst - caller.level + 1)
            wait = (1 - caller.level) / rate
            fix = f"ask at most {rate:g} times a second"
            self._refuse("calls in a short time", asked, round(self.limits.burst), fix, wait)
        caller.level -= 1

    def _refuse(self, what: str, value: int, allowed: int, fix: str, wait: float) -> None:
        self.refusals[what] += 1
        raise QuotaExceeded(what, value, allowed, fix, retry_seconds=wait)


class CallGuard(grpc.aio.ServerInterceptor):
    """Holds every call to the limits, and answers what goes wrong in it with its status.

    Args:
        callers: counts them.
    """

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wrap a call's handler."""
        handler = await continuation(details)
        return None if handler is None else _Guarded(handler, details.method, self._callers).made()


class _Guarded:
    """A handler that lets only so many in."""

    def __init__(self, handler: Any, method: str, callers: Callers) -> None:
        self._handler, self._method, self._callers = handler, method, callers
        self._requests, self._responses = handler.request_streaming, handler.response_streaming

    def made(self) -> Any:
        kinds = ("unary", "stream")
        name = f"{kinds[self._requests]}_{kinds[self._responses]}"
        self._inner = getattr(self._handler, name)
        streams = self._responses and inspect.isasyncgenfunction(self._inner)
        make = getattr(grpc, f"{name}_rpc_method_handler")
        return make(
            self._stream if streams else self._unary,
            reading(self._handler.request_deserializer),
            self._handler.response_serializer,
        )

    async def _unary(self, request: Any, context: _Context) -> Any:
        async with answering(context), self._let_in(request, context):
            return await self._inner(self._paced(request, context), context)

    async def _stream(self, request: Any, context: _Context) -> AsyncIterator[Any]:
        async with answering(context), self._let_in(request, context):
            async for message in self._inner(self._paced(request, context), context):
                yield message

    @asynccontextmanager
    async def _let_in(self, request: Any, context: _Context) -> AsyncIterator[None]:
        client = PROBES if self._method.startswith(OPEN) else client_of(context)
        try:
            with self._callers.call(client):
                self._check(request)
                yield
        except QuotaExceeded:
            await self._callers.hold(client, context.time_remaining())
            raise

    def _check(self, request: Any) -> None:
        if self._callers.draining and self._method in _NEW_WORK:
            raise Draining
        most = self._callers.limits.request_bytes
        if not self._requests and checked(request).ByteSize() > most:
            given = f"{request.ByteSize()} bytes"
            raise InvalidField("request", given, f"at most {most} bytes", "make it smaller")

    def _paced(self, request: Any, context: _Context) -> Any:
        """The request; of an upload's pieces none may be waited for too long."""
        if not self._requests:
            return request
        messages = checked_stream(request)
        if self._responses:
            return messages  # a stream both ways may be silent while a person thinks
        return _pieces(messages, context, self._callers.limits.piece_seconds)


async def _pieces(
    requests: AsyncIterator[Any], context: _Context, seconds: float
) -> AsyncIterator[Any]:
    iterator = aiter(requests)
    while True:
        try:
            # Not wait_for: where a caller leaves, it takes the end of the pieces for their last one
            # and swallows the cancellation, and what is half there would count as whole.
            async with asyncio.timeout(seconds):
                piece = await anext(iterator)
        except StopAsyncIteration:
            return
        except TimeoutError:
            fix = "go on from where the upload stands; Missing tells"
            words = f"upload: silent for {seconds:g} s. Fix: {fix}."
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, words)
        yield piece
