"""How fast one client is served what costs the others time: beyond that it waits, and is not
refused.
"""

from __future__ import annotations

import asyncio
import time


class Pace:
    """Lets every client have turns at a rate, after some at once.

    The generic cell rate algorithm (ITU-T I.371, annex A), with a wait instead of a refusal. All
    methods are called on one event loop.

    Args:
        per_second: turns of one client, in the long run.
        at_once: turns that a client may have at once after it was quiet.
    """

    def __init__(self, per_second: float, at_once: int = 0) -> None:
        self._each, self._ahead = 1 / per_second, at_once / per_second
        #: When each client has used up all its turns until then, on the monotonic clock.
        self._paid: dict[str, float] = {}

    async def turn(self, client: str) -> None:
        """Return when it is a client's turn; those that wait come in the order they asked."""
        now = time.monotonic()
        self._paid = {each: paid for each, paid in self._paid.items() if paid > now}
        self._paid[client] = paid = self._paid.get(client, now) + self._each
        if (wait := paid - now - self._ahead) > 0:
            await asyncio.sleep(wait)
