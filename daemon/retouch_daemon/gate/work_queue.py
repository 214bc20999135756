"""What the gate has to do, in steps: the most urgent first, and a class's time in fair shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from retouch.engine.fair_shares import FairShares

#: The classes of jobs. Questions of callers are as urgent as what somebody waits for.
LIVE: Final = 0
INTERACTIVE: Final = 1
#: Seconds that a client may catch up with: a few edits' checks.
CREDIT: Final = 1.0
#: Steps of others after which waiting work counts as one class higher, so that low classes always
#: move; as the engine has it.
AGING: Final = 8


@dataclass(eq=False)
class Work:
    """Something to do in steps, for one edit or for none.

    Attributes:
        job_id: of the edit; empty for none.
        steps: does a step whenever it is asked.
        priority: its class; lower goes first.
        client: whose it is; clients of a class share the gate's time, however many edits they have.
        waited: steps of others since the last one of its client's in its class: who has many edits
            does not get on sooner with each of them.
    """

    job_id: str
    steps: Iterator[None]
    priority: int = INTERACTIVE
    client: str = ""
    waited: int = 0

    @property
    def rank(self) -> int:
        """Its class, with what it has waited."""
        return max(LIVE, self.priority - self.waited // AGING)


class WorkQueue:
    """Work that waits for its next step."""

    def __init__(self) -> None:
        self._work: list[Work] = []  # in turn: whoever had a step goes to the end
        self._shares = FairShares(CREDIT)  # in seconds

    def __bool__(self) -> bool:
        return bool(self._work)

    def lets(self, client: str, priority: int) -> bool:
        """Whether something else of a client and a class may go before all that waits."""
        waiting = min(map(self._order, self._work), default=None)
        return waiting is None or (priority, self._shares.had(client)) <= waiting

    def add(self, work: Work) -> None:
        """Have something done."""
        active = {known.client for known in self._work}
        if work.client not in active:
            self._shares.join(work.client, active)
        self._work.append(work)

    def next(self) -> Work:
        """Return what is to have a step now; it stays until it is removed."""
        chosen = min(self._work, key=self._order)
        for work in self._work:
            served = (work.client, work.priority) == (chosen.client, chosen.priority)
            work.waited = 0 if served else work.waited + 1
        self._work.remove(chosen)
        self._work.append(chosen)
        return chosen

    def spent(self, client: str, seconds: float) -> None:
        """Note how long something of a client has taken."""
        self._shares.add(client, seconds)

    def remove(self, work: Work) -> None:
        """Take something out that is done. Harmless twice."""
        if work in self._work:
            self._work.remove(work)

    def drop(self, job_id: str) -> None:
        """Take out all work of an edit."""
        self._work = [work for work in self._work if work.job_id != job_id]

    def serve(self, job_id: str, priority: int) -> None:
        """Change the class of an edit's work."""
        for work in self._work:
            if work.job_id == job_id:
                work.priority = priority

    def _order(self, work: Work) -> tuple[int, float]:
        return work.rank, self._shares.had(work.client)
