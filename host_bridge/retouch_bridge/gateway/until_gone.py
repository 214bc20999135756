"""Work for a client that may leave, in a gateway that may be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from retouch_bridge.gateway.refusals import refusal

_T = TypeVar("_T")


class Gone(Exception):
    """The client has left: nobody reads an answer."""


class Presence:
    """Ends what is done for a client when it leaves, or when the gateway stops."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End everything that is under way."""
        self._stopping.set()

    async def run(self, receive: Receive, doing: Coroutine[Any, Any, _T]) -> _T:
        """Run something for whoever has sent a whole request.

        Raises:
            Gone: it left first. Refused: the gateway stops.
        """
        task = asyncio.create_task(doing)
        left = asyncio.create_task(_left(receive))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((task, left, stopping), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if left.done():
                raise Gone
            fix = "connect again in some seconds"
            raise refusal("unavailable", "the gateway is being stopped", fix)
        finally:
            for each in (task, left, stopping):
                each.cancel()
            await asyncio.gather(task, left, stopping, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
