"""What the gate has to do, in steps: the most urgent first, and a class's time in fair shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: The classes of jobs. Questions of callers are as urgent as what somebody waits for.
LIVE: Final = 0
INTERACTIVE: Final = 1
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
        #: Seconds that each client's work has had, of those that have any.
        self._served: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._work)

    def lets(self, client: str, priority: int) -> bool:
        """Whether something else of a client and a class may go before all that waits."""
        waiting = min(map(self._order, self._work), default=None)
        own = self._served.get(client, min(self._served.values(), default=0.0))
        return waiting is None or (priority, own) <= waiting

    def add(self, work: Work) -> None:
        """Have something done."""
        # A new client starts level with the least served one: neither a debt nor a credit.
        self._served.setdefault(work.client, min(self._served.values(), default=0.0))
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
        if client in self._served:
            self._served[client] += seconds

    def remove(self, work: Work) -> None:
        """Take something out that is done. Harmless twice."""
        if work in self._work:
            self._work.remove(work)
            self._forget_idle()

    def drop(self, job_id: str) -> None:
        """Take out all work of an edit."""
        self._work = [work for work in self._work if work.job_id != job_id]
        self._forget_idle()

    def serve(self, job_id: str, priority: int) -> None:
        """Change the class of an edit's work."""
        for work in self._work:
            if work.job_id == job_id:
                work.priority = priority

    def _order(self, work: Work) -> tuple[int, float]:
        return work.rank, self._served[work.client]

    def _forget_idle(self) -> None:
        clients = {work.client for work in self._work}
        self._served = {name: each for name, each in self._served.items() if name in clients}
