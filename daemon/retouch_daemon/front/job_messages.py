"""Jobs as messages: where they stand and how they are served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from retouch.errors import InvalidField
from retouch.v1 import edit_pb2, job_pb2
from retouch.v1 import edit_service_pb2 as pb
from retouch_daemon.storage.job_records import JobRecord, State

#: Class of a request -> what the journal keeps; lower goes first.
PRIORITIES: Final = {
    edit_pb2.PRIORITY_CLASS_LIVE: 0,
    edit_pb2.PRIORITY_CLASS_UNSPECIFIED: 1,
    edit_pb2.PRIORITY_CLASS_INTERACTIVE: 1,
    edit_pb2.PRIORITY_CLASS_BATCH: 2,
}
_CLASSES: Final = (
    edit_pb2.PRIORITY_CLASS_LIVE,
    edit_pb2.PRIORITY_CLASS_INTERACTIVE,
    edit_pb2.PRIORITY_CLASS_BATCH,
)
STATES: Final = {
    State.QUEUED: pb.JOB_STATE_QUEUED,
    State.RUNNING: pb.JOB_STATE_RUNNING,
    State.DONE: pb.JOB_STATE_DONE,
    State.FAILED: pb.JOB_STATE_FAILED,
    State.CANCELLED: pb.JOB_STATE_CANCELLED,
}
#: Longest client_job_id, group and document_id.
NAME_CHARACTERS: Final = 128
#: Most bytes of jobs in one answer: clients take messages of 4 MiB.
LISTED_BYTES: Final = 3 << 20
#: Seconds of the longest time limit: a year. A date that no calendar has could never be told.
LONGEST_LIMIT: Final = 366 * 86_400


def described(job: JobRecord) -> pb.Job:
    """Return a job as clients see it."""
    found = pb.Job(
        job_id=job.job_id,
        client_job_id=job.client_job_id,
        group=job.group,
        document_id=job.document,
        state=STATES[job.state],
        created=_time(job.created),
        priority=_CLASSES[job.priority],
        paused=job.paused,
    )
    if job.deadline is not None:
        found.deadline.CopyFrom(_time(job.deadline))
    return found


def listed(jobs: Sequence[JobRecord]) -> list[pb.Job]:
    """Return jobs as clients see them, in their order: of those that are too many the newest."""
    found, size = [], 0
    for job in reversed(jobs):
        message = described(job)
        size += message.ByteSize()
        if size > LISTED_BYTES:
            break
        found.append(message)
    return found[::-1]


def updated(job: JobRecord) -> job_pb2.JobEvent:
    """Return the event that says how a job is served now."""
    found = job_pb2.Updated(priority=_CLASSES[job.priority], paused=job.paused, group=job.group)
    if job.deadline is not None:
        found.deadline.CopyFrom(_time(job.deadline))
    return job_pb2.JobEvent(updated=found)


def checked_name(name: str, value: str) -> str:
    """Return a client's name of something. Raises InvalidField where it is too long."""
    if len(value) > NAME_CHARACTERS:
        allowed = f"at most {NAME_CHARACTERS} characters"
        raise InvalidField(name, f"{len(value)} characters", allowed, "shorten it")
    return value


def checked_priority(priority: int) -> int:
    """Return what the journal keeps of a class. Raises InvalidField."""
    if priority not in PRIORITIES:
        raise InvalidField("priority", priority, "0 to 3", "use one of the named values")
    return PRIORITIES[edit_pb2.PriorityClass.ValueType(priority)]


def checked_limit(limit: Duration) -> float:
    """Return the seconds of a time limit. Raises InvalidField where it is no time to come."""
    seconds = limit.ToNanoseconds() / 1e9
    if not 0 < seconds <= LONGEST_LIMIT:
        allowed, fix = f"more than 0 s, at most {LONGEST_LIMIT} s", "choose one, or leave it out"
        raise InvalidField("time_limit", f"{seconds:g} s", allowed, fix)
    return seconds


def _time(seconds: float) -> Timestamp:
    found = Timestamp()
    found.FromNanoseconds(round(seconds * 1e9))
    return found
