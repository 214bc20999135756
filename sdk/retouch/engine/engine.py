"""Advances any number of edits together: choose, group, run one forward, resume."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from retouch.engine.fair_shares import FairShares
from retouch.engine.row_caps import RowCaps
from retouch.errors import Cancelled

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.denoiser import Evaluation, Flow

#: Rows that a client may catch up with: an edit of ordinary length.
CREDIT: Final = 64.0


class Priority(enum.IntEnum):
    """Who goes first. Waiting work ages into the class above."""

    LIVE = 0
    INTERACTIVE = 1
    BATCH = 2


class Network(Protocol):
    """What answers evaluations: a ``retouch.models.model.Model``, or a fake in tests."""

    def bucket(self, evaluation: Evaluation) -> Hashable:
        """Evaluations with equal buckets may share a forward."""
        ...

    def forward(self, evaluations: Sequence[Evaluation]) -> list[Tensor]:
        """x0 of each, ``[lanes, C, h, w]``."""
        ...


@dataclass(eq=False)
class Job:
    """One running flow.

    Attributes:
        flow: yields evaluations, returns the result.
        network: what answers them.
        priority: class.
        client: whose it is; clients of a class share rows fairly.
        deadline: any increasing clock; earlier goes first among equals. None = last.
        exact: never share a forward, for bit-reproducible results.
        paused: whether ticks leave it out; it keeps what it has done. May be changed between them,
            like priority and deadline.
    """

    flow: Flow
    network: Network
    priority: Priority = Priority.INTERACTIVE
    client: str = ""
    deadline: float | None = None
    exact: bool = False
    paused: bool = False
    result: Tensor | None = None
    error: Exception | None = None
    done: bool = False
    _asked: list[Evaluation] = field(default_factory=list)
    _buckets: list[Hashable] = field(default_factory=list)
    _rows: list[int] = field(default_factory=list)
    _answers: list[Tensor | None] = field(default_factory=list)
    _running: bool = False
    _cancelled: bool = False
    _waited: int = 0
    _order: int = 0

    def open_requests(self) -> list[int]:
        """Indices of asked evaluations that have no answer yet."""
        return [i for i, answer in enumerate(self._answers) if answer is None]


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick did: jobs served, evaluations and rows in its forward."""

    jobs: int
    evaluations: int
    rows: int


class Engine:
    """Holds the running flows. Not thread-safe: one thread ticks, submits and cancels.

    Args:
        row_cap: most rows in one forward (a single larger evaluation still runs, alone).
        caps: measure how many of them are worth it; None fills every forward.
        aging: ticks a job waits before it counts as one class higher, so that low classes
            always move.
    """

    def __init__(self, row_cap: int = 16, aging: int = 32, caps: RowCaps | None = None) -> None:
        self.row_cap = row_cap
        self._caps = caps
        self.aging = aging
        self._jobs: list[Job] = []
        self._shares = FairShares(CREDIT)
        self._orders = itertools.count()

    @property
    def active(self) -> int:
        """Number of jobs that are not done."""
        return len(self._jobs)

    @property
    def runnable(self) -> int:
        """Number of jobs that a tick may choose: those that are neither done nor paused."""
        return sum(not job.paused for job in self._jobs)

    def submit(self, job: Job) -> Job:
        """Take a job and run its flow up to its first evaluations."""
        job._order = next(self._orders)
        active = {known.client for known in self._jobs}
        if job.client not in active:
            self._shares.join(job.client, active)
        self._jobs.append(job)
        self._resume(job, None)
        return job

    def cancel(self, job: Job) -> bool:
        """Stop a job; its flow is closed at once. False when it was already done.

        May be called from the job's own progress callback: it then ends at its next evaluation.
        """
        if job.done:
            return False
        if job._running:
            job._cancelled = True
            return True
        self._finish(job, error=Cancelled("cancelled by the caller"))
        return True

    def tick(self) -> Tick:
        """One forward for the most deserving evaluations; then resume whoever has all answers."""
        ranked = sorted((job for job in self._jobs if not job.paused), key=self._rank)
        if not ranked:
            return Tick(0, 0, 0)
        batch = self._fill(ranked)
        evaluations = [job._asked[i] for job, i in batch]
        rows = sum(job._rows[i] for job, i in batch)
        chosen = list(dict.fromkeys(job for job, _ in batch))
        for job in ranked:
            job._waited = 0 if job in chosen else job._waited + 1
        for job, index in batch:
            self._shares.add(job.client, job._rows[index])
        network, (first, lead) = chosen[0].network, batch[0]
        bucket = (id(network), first._buckets[lead])
        timing = self._caps.timed(bucket, rows) if self._caps else nullcontext()
        try:
            with timing:
                answers = network.forward(evaluations)
            for (job, index), answer in zip(batch, answers, strict=True):
                job._answers[index] = answer
        except Exception as problem:
            self._forward_failed(batch, problem)
        else:
            for job in chosen:
                self._resume_if_answered(job)
        return Tick(len(chosen), len(batch), rows)

    def run(self, until: Callable[[], bool] | None = None) -> None:
        """Tick until nothing is left that may run, or ``until()`` is true."""
        while self.runnable and not (until is not None and until()):
            self.tick()

    def _rank(self, job: Job) -> tuple[float, float, float, int]:
        aged = max(0, job.priority - job._waited // self.aging)
        deadline = float("inf") if job.deadline is None else job.deadline
        return aged, self._shares.had(job.client), deadline, job._order

    def _fill(self, ranked: list[Job]) -> list[tuple[Job, int]]:
        first = ranked[0]
        lead = first.open_requests()[0]
        waiting = [
            (job, index)
            for job in ranked
            if job is first or not (first.exact or job.exact or job.network is not first.network)
            for index in job.open_requests()
            if job._buckets[index] == first._buckets[lead]
        ]
        cap = self._cap(first, lead, waiting)
        chosen = [(first, lead)]
        rows = first._rows[lead]
        for job, index in waiting:
            if (job, index) != (first, lead) and rows + job._rows[index] <= cap:
                chosen.append((job, index))
                rows += job._rows[index]
        return chosen

    def _cap(self, first: Job, lead: int, waiting: list[tuple[Job, int]]) -> int:
        """Return the most rows of a forward for the first job, whose own rows stay together."""
        if self._caps is None:
            return self.row_cap
        bucket = (id(first.network), first._buckets[lead])
        own = sum(job._rows[index] for job, index in waiting if job is first)
        wanted = sum(job._rows[index] for job, index in waiting)
        return min(self.row_cap, self._caps.cap(bucket, own, wanted))

    def _forward_failed(self, batch: list[tuple[Job, int]], problem: Exception) -> None:
        """A forward that fails for a batch is tried alone, so that one bad edit ends only itself.

        A job that was alone already is finished with the error.
        """
        jobs = list(dict.fromkeys(job for job, _ in batch))
        if len(jobs) == 1:
            self._finish(jobs[0], error=problem)
            return
        for job in jobs:
            if job.done:  # cancelled by the callback of the job before it
                continue
            try:
                for index in (i for owner, i in batch if owner is job):
                    (job._answers[index],) = job.network.forward([job._asked[index]])
            except Exception as own:
                self._finish(job, error=own)
            else:
                self._resume_if_answered(job)

    def _resume_if_answered(self, job: Job) -> None:
        # Another job's callback may have cancelled this one meanwhile.
        if not job.done and not job.open_requests():
            self._resume(job, [answer for answer in job._answers if answer is not None])

    def _resume(self, job: Job, answers: list[Tensor] | None) -> None:
        job._running = True
        try:
            asked = next(job.flow) if answers is None else job.flow.send(answers)
            if not asked:
                raise ValueError("a flow yielded no evaluations; it must ask for at least one")
            # What a flow yields comes from operations: a bad one must fail here, not in a tick
            # that others share.
            job._buckets = [job.network.bucket(evaluation) for evaluation in asked]
            job._rows = [evaluation.x.shape[0] for evaluation in asked]
            job._asked, job._answers = asked, [None] * len(asked)
        except StopIteration as stop:
            self._finish(job, result=stop.value)
        except Exception as problem:
            self._finish(job, error=problem)
        finally:
            job._running = False
        if job._cancelled and not job.done:
            self._finish(job, error=Cancelled("cancelled by the caller"))

    def _finish(
        self, job: Job, *, result: Tensor | None = None, error: Exception | None = None
    ) -> None:
        job.result, job.error, job.done = result, error, True
        job._asked, job._buckets, job._rows, job._answers = [], [], [], []
        self._jobs.remove(job)
        try:
            job.flow.close()
        except Exception as problem:  # an operation that resists closing
            job.error = job.error or problem
