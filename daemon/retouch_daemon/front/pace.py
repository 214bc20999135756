"""How fast one client is served what costs the others time: beyond that it waits, and is not
refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class _Line:
    """Those of one client that wait.

    Attributes:
        turn: held by the first of them.
        paid: when all turns until now are used up, on the monotonic clock.
        waiting: how many wait.
    """

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    paid: float = 0.0
    waiting: int = 0


class Pace:
    """Lets every client have turns at a rate, after some at once.

    The generic cell rate algorithm (ITU-T I.371, annex A), with a wait instead of a refusal. All
    methods are called on one event loop.

    Args:
        per_second: turns of one client, in the long run.
        at_once: turns that a client may have at once after it was quiet.
    """

    def __init__(self, per_second: float, at_once: int) -> None:
        self._each, self._ahead = 1 / per_second, at_once / per_second
        self._lines: dict[Hashable, _Line] = {}

    async def turn(self, client: Hashable) -> None:
        """Return when it is a client's turn: in the order they asked; who leaves pays nothing."""
        self._forget_quiet()
        line = self._lines.setdefault(client, _Line())
        line.waiting += 1
        try:
            async with line.turn:
                now = time.monotonic()
                paid = max(line.paid, now) + self._each
                if (wait := paid - now - self._ahead) > 0:
                    await asyncio.sleep(wait)
                line.paid = paid
        finally:
            line.waiting -= 1

    def _forget_quiet(self) -> None:
        now = time.monotonic()
        self._lines = {
            client: line for client, line in self._lines.items() if line.waiting or line.paid > now
        }
