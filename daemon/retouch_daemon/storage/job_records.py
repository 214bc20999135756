"""Jobs as the journal keeps them: what is submitted, where a job stands, how it is served."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: Columns of a record, in its order.
COLUMNS: Final = (
    "id, client, client_job_id, job_group, document, priority, state, created, deadline, paused, "
    "pixels"
)


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: States that a job never leaves.
OVER: Final = (State.DONE, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a client submits.

    Attributes:
        client: whose it is.
        client_job_id: its own name for it; the same again is the same job.
        group: jobs that can be cancelled together; empty for none.
        document: the host's name of the document; empty for none.
        priority: lower goes first.
        request: the message, serialised.
        blobs: digests that it refers to: they stay while the job does.
        deadline: seconds since the epoch after which nobody wants the result; None for none.
        pixels: of the pictures that it works on.
    """

    client: str
    client_job_id: str
    request: bytes
    group: str = ""
    document: str = ""
    priority: int = 1
    blobs: tuple[str, ...] = ()
    deadline: float | None = None
    pixels: int = 0


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as the journal has it, but for its request, which may be large; see :class:`NewJob`."""

    job_id: str
    client: str
    client_job_id: str
    group: str
    document: str
    priority: int
    state: State
    created: float
    deadline: float | None
    paused: bool = False
    pixels: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """How a job is to be served from now on.

    Attributes:
        priority: lower goes first.
        paused: whether it waits until somebody resumes it.
        group: see :class:`NewJob`.
        deadline: see :class:`NewJob`.
    """

    priority: int
    paused: bool
    group: str
    deadline: float | None


def record_of(row: tuple[object, ...]) -> JobRecord:
    """Return the record of a row of ``COLUMNS``."""
    values = list(row)
    values[6], values[9] = State(str(values[6])), bool(values[9])
    return JobRecord(*values)  # type: ignore[arg-type]
