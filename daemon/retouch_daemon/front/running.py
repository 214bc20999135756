"""Jobs at work: how far each is on its way from the gate through the engine back to the gate."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from retouch.v1 import job_pb2
from retouch_daemon.link.frames import Frame, Value
from retouch_daemon.phases import DENOISE, LOAD, load_steps
from retouch_daemon.storage.job_records import JobRecord

#: How many workers a job may have died with before it counts as what kills them.
ATTEMPTS: Final = 3


@dataclass(eq=False)
class Running:
    """One job at work.

    Attributes:
        job: as the journal has it.
        request: what the gate admitted, and the engine runs; the job's own until then.
        attempt: number of this beginning of it, which the workers repeat with all that they say.
        admitted: whether the gate that lives now has admitted it.
        at_engine: whether the engine has it.
        latents: what the engine has handed over, kept until the gate is done with it.
        done: network calls done.
        of: all of them.
        began: when the engine got it, on the loop's clock.
        told: results and refusals of it that are kept already, of an earlier attempt.
        given: results and refusals of it that the gate has sent in this attempt.
    """

    job: JobRecord
    request: bytes
    attempt: int
    told: int = 0
    admitted: bool = False
    at_engine: bool = False
    latents: Frame | None = None
    done: int = 0
    of: int = 0
    began: float = 0.0
    given: int = 0

    @property
    def job_id(self) -> str:
        """Of the job."""
        return self.job.job_id

    def named(self) -> dict[str, Value]:
        """What names it to the workers."""
        return {"job_id": self.job_id, "attempt": self.attempt}

    @property
    def at_gate(self) -> bool:
        """Whether the gate has something to do for it: admit it, or release it."""
        return not self.admitted or self.latents is not None

    @property
    def for_engine(self) -> bool:
        """Whether it waits for the engine."""
        free = self.admitted and not self.at_engine and self.latents is None
        return free and not self.job.paused

    def advanced(self, frame: Frame) -> job_pb2.Progress:
        """Take how far the engine says it is; what no message can hold changes nothing.

        Raises:
            BrokenFrame: no numbers. ValueError: numbers too large.
        """
        done, of = frame.number("done"), frame.number("of")
        job_pb2.Progress(step=done, of_steps=of)
        self.done, self.of = done, of
        return self.progress()

    def progress(self) -> job_pb2.Progress:
        """How far it is, and how long the rest may take."""
        found = job_pb2.Progress(phase=DENOISE, step=self.done, of_steps=self.of)
        if self.done:
            left = (time.monotonic() - self.began) / self.done * (self.of - self.done)
            found.remaining.FromNanoseconds(max(0, round(left * 1e9)))
        return found

    def loading(self, there: int, of: int) -> job_pb2.Progress:
        """How many bytes of its models are in memory; how long the rest takes nobody knows."""
        self.began = time.monotonic()  # what comes now is to be timed without this
        steps = max(1, load_steps(of))
        return job_pb2.Progress(phase=LOAD, step=min(load_steps(there), steps - 1), of_steps=steps)

    def cancelled(self, reason: str) -> job_pb2.Cancelled:
        """What a client is told when it is cancelled."""
        left = max(0, self.of - self.done)
        return job_pb2.Cancelled(reason=reason, steps_done=self.done, steps_left=left)


class Deaths:
    """With how many workers each job has died, and which jobs are therefore run alone."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def note(self, job_id: str) -> bool:
        """Note one; return whether it was one too many."""
        self._counts[job_id] += 1
        return self._counts[job_id] >= ATTEMPTS

    def forget(self, job_id: str) -> None:
        """The job is over."""
        self._counts.pop(job_id, None)

    def suspected(self, job_id: str) -> bool:
        """Whether the next death would be one too many: then it must be nobody else's fault."""
        return self._counts[job_id] >= ATTEMPTS - 1

    def may_start(self, jobs: Iterable[Running]) -> list[Running]:
        """Return which of the jobs that wait for the engine it may be given now, in order.

        Those that were at work when an engine died cannot be told apart. Before one of them counts
        as the killer it runs alone, so that the others do not end with it.
        """
        known = list(jobs)
        working = [each for each in known if each.at_engine]
        if any(self.suspected(each.job_id) for each in working):
            return []
        found: list[Running] = []
        for each in sorted(known, key=lambda one: one.job.priority):
            if not each.for_engine:
                continue
            if self.suspected(each.job_id):
                return found if working or found else [each]
            found.append(each)
        return found
