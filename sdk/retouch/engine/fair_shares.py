"""Who is to be served next, so that clients share what there is, however much each asks for.

Start-time fair queueing with a bounded lag: a client that asks for less than its share may catch
up, up to a credit, so that somebody with one edit now and then is served at once beside somebody
who asks without end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

#: Clients whose share is remembered while they ask for nothing.
_REMEMBERED: Final = 256


class FairShares:
    """What every client has had.

    Args:
        credit: how far behind the others a client may be that has asked for nothing meanwhile.
    """

    def __init__(self, credit: float) -> None:
        self._credit = credit
        self._had: OrderedDict[str, float] = OrderedDict()

    def join(self, client: str, active: Iterable[str]) -> None:
        """Have a client take part from now on.

        Args:
            client: that asked for nothing until now.
            active: clients that ask for something.
        """
        known = {each for each in active if each in self._had}
        # Where nobody asks all are level: who had an idle machine alone owes nothing.
        alone = max(self._had.values(), default=0.0)
        level = min((self._had[each] for each in known), default=alone)
        # Who is new has no credit: otherwise a new name would be worth something.
        self._had[client] = max(self._had.get(client, level), level - self._credit)
        self._had.move_to_end(client)
        if len(self._had) > _REMEMBERED:
            idle = (each for each in self._had if each not in known and each != client)
            self._had.pop(next(idle, ""), None)

    def add(self, client: str, amount: float) -> None:
        """Note what a client was given."""
        if client in self._had:
            self._had[client] += amount
            self._had.move_to_end(client)

    def had(self, client: str) -> float:
        """Return what a client has had: whoever has had least is to be served first."""
        return self._had.get(client, 0.0)
