"""What the workers' side asks of the queue."""

from __future__ import annotations

from typing import Protocol

from retouch.v1 import errors_pb2
from retouch_daemon.front.running import Running
from retouch_daemon.storage.job_records import JobRecord


class JobQueue(Protocol):
    """Where jobs come from and go to; see ``retouch_daemon.front.dispatcher.Dispatcher``."""

    def fill_soon(self) -> None:
        """There is room for more."""
        ...

    def forget(self, job_id: str) -> None:
        """The job is over."""
        ...

    async def lost(self, running: Running, worker: str) -> None:
        """A worker died with it."""
        ...

    def stall(self, job: JobRecord) -> None:
        """The disk does not let it go on."""
        ...

    async def fail(
        self, job: JobRecord, code: errors_pb2.ErrorCode.ValueType, message: str, fix: str
    ) -> None:
        """End it with an error."""
        ...

    async def fail_as_killer(self, job: JobRecord, worker: str) -> None:
        """End it: it died with too many workers."""
        ...
