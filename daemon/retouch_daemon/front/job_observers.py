"""Who is told what becomes of jobs, besides their watchers: numbers, the log, traces."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from retouch.v1 import job_pb2
from retouch_daemon.storage.job_records import JobRecord

_log = logging.getLogger(__name__)

#: Last event of a job -> what became of it.
ENDS = ("done", "failed", "cancelled")


class JobObserver(Protocol):
    """Told about every job, on the daemon's event loop; it must be quick."""

    def queued(self, job: JobRecord) -> None:
        """A job waits: it is new, or an earlier daemon left it."""
        ...

    def began(self, job: JobRecord) -> None:
        """A worker begins a job, perhaps not for the first time."""
        ...

    def told(self, job_id: str, event: job_pb2.JobEvent) -> None:
        """An event of a job is told; after its last one nothing comes."""
        ...


class Observers:
    """Tells several; what one of them gets wrong is logged and harms nobody."""

    def __init__(self, *observers: JobObserver) -> None:
        self._observers = observers

    def queued(self, job: JobRecord) -> None:
        """See :class:`JobObserver`."""
        self._each(lambda observer: observer.queued(job))

    def began(self, job: JobRecord) -> None:
        """See :class:`JobObserver`."""
        self._each(lambda observer: observer.began(job))

    def told(self, job_id: str, event: job_pb2.JobEvent) -> None:
        """See :class:`JobObserver`."""
        self._each(lambda observer: observer.told(job_id, event))

    def _each(self, tell: Callable[[JobObserver], None]) -> None:
        for observer in self._observers:
            try:
                tell(observer)
            except Exception:
                _log.exception("%s failed", type(observer).__name__)


def outcome_of(event: job_pb2.JobEvent) -> str | None:
    """Return what became of a job by its last event; None of one that is not the last.

    A job of which the gate released nothing is ``blocked``, not done or failed.
    """
    kind = event.WhichOneof("event")
    if kind not in ENDS:
        return None
    return "blocked" if kind == "done" and not event.done.released else str(kind)
