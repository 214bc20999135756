"""Jobs that wait to be begun: whose turn it is, and how many are before each."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping

from retouch_daemon.storage.job_records import JobRecord

#: Class, when it came, name.
_Place = tuple[int, float, str]


class WaitingJobs:
    """Kept in order: what is asked at every edit must not take the longer the more there are."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobRecord] = {}
        self._order: list[_Place] = []
        #: Those that are not paused, by class and client.
        self._lines: dict[tuple[int, str], list[_Place]] = {}
        #: How many were before a job when it was told so; -1 where it was not told yet.
        self._told: dict[str, int] = {}
        #: Those that were not told yet, in the order in which they came.
        self._untold: dict[str, None] = {}

    def __iter__(self) -> Iterator[JobRecord]:
        """By class, then by when they came."""
        return iter([self._jobs[job_id] for *_, job_id in self._order])

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def put(self, job: JobRecord) -> None:
        """Have a job wait, as its record says from now on."""
        self._remove(job.job_id)
        self._jobs[job.job_id] = job
        insort(self._order, _place(job))
        if not job.paused:
            insort(self._lines.setdefault((job.priority, job.client), []), _place(job))
        if self._told.setdefault(job.job_id, -1) < 0:
            self._untold[job.job_id] = None

    def take(self, job_id: str) -> JobRecord | None:
        """Take a job out; None where it does not wait."""
        self._told.pop(job_id, None)
        self._untold.pop(job_id, None)
        return self._remove(job_id)

    def ready_of(self, client: str, priority: int) -> int:
        """Return how many of a client and a class wait that are not paused."""
        return len(self._lines.get((priority, client), ()))

    def next(self, at_work: Mapping[str, int]) -> JobRecord | None:
        """Return whose turn it is: by class, then whose client has least at work, then by arrival.

        Args:
            at_work: how many jobs of each client are at work.

        Returns:
            None where all are paused. What begins again has kept when it came.
        """
        firsts = [
            (priority, at_work.get(client, 0), line[0])
            for (priority, client), line in self._lines.items()
        ]
        return self._jobs[min(firsts)[2][2]] if firsts else None

    def news(self, watched: Iterable[str]) -> Iterator[tuple[str, int]]:
        """Yield jobs and how many are before them: once each, and again where that has changed.

        Args:
            watched: jobs that somebody follows: nobody else needs to hear of a change.
        """
        for job_id in [*self._untold, *watched]:
            if job_id in self._jobs:
                place = bisect_left(self._order, _place(self._jobs[job_id]))
                self._untold.pop(job_id, None)
                if self._told[job_id] != place:
                    self._told[job_id] = place
                    yield job_id, place

    def _remove(self, job_id: str) -> JobRecord | None:
        job = self._jobs.pop(job_id, None)
        if job is not None:
            del self._order[bisect_left(self._order, _place(job))]
            if not job.paused:
                line = self._lines[job.priority, job.client]
                del line[bisect_left(line, _place(job))]
                if not line:
                    del self._lines[job.priority, job.client]
        return job


def _place(job: JobRecord) -> _Place:
    return job.priority, job.created, job.job_id
