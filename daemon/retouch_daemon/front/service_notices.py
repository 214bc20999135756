"""What a service says to systemd: that it is ready, alive, about to stop. Nothing elsewhere."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Final

_MICRO: Final = 1e-6
#: Seconds after which what was not taken is sent again.
_AGAIN: Final = 0.5


class ServiceNotices:
    """Says it over the socket that the service manager has named, if it has.

    Args:
        environment: of this process.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        mine = environment.get("WATCHDOG_PID") in (None, str(os.getpid()))
        given = environment.get("WATCHDOG_USEC", "")
        #: Seconds between two signs of life; None where none is asked for.
        self.pause = int(given) * _MICRO / 2 if mine and given.isdecimal() and int(given) else None

    def say(self, **words: object) -> bool:
        """Send ``NAME=value`` lines, without waiting; return whether they were taken.

        A manager that does not read must not stop whoever speaks to it.
        """
        if not self._address:
            return False
        text = "\n".join(f"{name}={value}" for name, value in words.items())
        where = self._address
        if where.startswith("@"):  # a name outside of the file system
            where = "\0" + where[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(text.encode(), where)
        except OSError:
            return False
        return True

    async def insist(self, **words: object) -> None:
        """Send lines, again and again until they are taken; nothing where nobody asked."""
        while self._address and not self.say(**words):
            await asyncio.sleep(_AGAIN)

    async def watchdog(self) -> None:
        """Say that this event loop turns, for ever, where that is asked for."""
        while self.pause is not None:
            self.say(WATCHDOG=1)
            await asyncio.sleep(self.pause)
