"""What the gate tells the front about one job."""

from __future__ import annotations

from collections.abc import Sequence

from retouch.errors import Blocked
from retouch.v1 import job_pb2
from retouch_daemon.failures import blocked_of, failed_of
from retouch_daemon.link.blocking import BlockingLink
from retouch_daemon.link.frames import Frame, Value
from retouch_daemon.storage.job_records import State


class Telling:
    """Tells about one job.

    Args:
        link: to the front.
        job_id: of the job.
        attempt: number of this beginning of it.
    """

    def __init__(self, link: BlockingLink, job_id: str, attempt: int) -> None:
        self._link = link
        self._named: dict[str, Value] = {"job_id": job_id, "attempt": attempt}

    def admitted(self, request: bytes) -> None:
        """The request may run, as it is here."""
        self._link.send(Frame("admitted", self._named, request))

    def event(
        self, event: job_pb2.JobEvent, blobs: Sequence[str] = (), state: State | None = None
    ) -> None:
        """Something has happened.

        Args:
            event: what; the front numbers and dates it.
            blobs: digests that it names.
            state: of the job from now on; None leaves it.
        """
        values = {**self._named, "blobs": list(blobs), "state": state and str(state)}
        self._link.send(Frame("event", values, event.SerializeToString()))

    def blob(self, digest: str, data: bytes) -> None:
        """Bytes that an event is going to name."""
        self._link.send(Frame("blob", {**self._named, "digest": digest}, data))

    def passing_blob(self, digest: str, data: bytes) -> None:
        """Bytes of a look: of use until the next one."""
        values = {**self._named, "digest": digest, "passing": True}
        self._link.send(Frame("blob", values, data))

    def failed(self, problem: Exception, variants: int = 1) -> None:
        """The job ends with an error, or with the gate's refusal of all of it."""
        if isinstance(problem, Blocked):
            self.event(job_pb2.JobEvent(blocked=blocked_of(problem)))
            done = job_pb2.JobEvent(done=job_pb2.Done(blocked=variants))
            self.event(done, state=State.FAILED)
        else:
            self.event(job_pb2.JobEvent(failed=failed_of(problem)), state=State.FAILED)

    def distrusted(self, why: str) -> None:
        """The engine handed over what was not admitted."""
        self._link.send(Frame("distrusted", {**self._named, "why": why[:500]}))
