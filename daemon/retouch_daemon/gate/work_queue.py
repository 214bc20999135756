"""What the gate has to do, in steps: the most urgent first, and those of a class in turn."""

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
        waited: steps of others since its own last one.
    """

    job_id: str
    steps: Iterator[None]
    priority: int = INTERACTIVE
    waited: int = 0

    @property
    def rank(self) -> int:
        """Its class, with what it has waited."""
        return max(LIVE, self.priority - self.waited // AGING)


class WorkQueue:
    """Work that waits for its next step."""

    def __init__(self) -> None:
        self._work: list[Work] = []  # in turn: whoever had a step goes to the end

    def __bool__(self) -> bool:
        return bool(self._work)

    @property
    def rank(self) -> int | None:
        """Class of what is next; None without anything."""
        return min((work.rank for work in self._work), default=None)

    def add(self, work: Work) -> None:
        """Have something done."""
        self._work.append(work)

    def next(self) -> Work:
        """Return what is to have a step now; it stays until it is removed."""
        chosen = min(self._work, key=lambda work: work.rank)
        for work in self._work:
            work.waited += 1
        chosen.waited = 0
        self._work.remove(chosen)
        self._work.append(chosen)
        return chosen

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
