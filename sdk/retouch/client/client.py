"""A client of the daemon: uploads, submits, follows, and comes back after a dropped connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Unpack

import grpc

from retouch.client.calls import GONE, PAUSE, update_request
from retouch.client.channels import open_channel
from retouch.client.connection import Connection
from retouch.client.edit_messages import EditSettings, edit_message, message_of_request
from retouch.client.failures import DaemonFailed, error_of_call
from retouch.client.finding import Endpoint
from retouch.client.live import LiveEdit
from retouch.client.live_messages import LiveMessages
from retouch.client.results import Gathering, RemoteResult, pictures_of
from retouch.client.uploads import Picture
from retouch.request import EditRequest
from retouch.v1 import edit_pb2, edit_service_pb2, job_pb2, plan_pb2

#: Told every event of a job.
OnEvent = Callable[[job_pb2.JobEvent], None]


def ignore_event(event: job_pb2.JobEvent) -> None:
    """Take no interest in what happens on the way."""


class Client(Connection):
    """A connection to a daemon; see ``Connection`` for how it is made, and what else it can do."""

    def edit(
        self, image: Picture, *, on_event: OnEvent = ignore_event, **settings: Unpack[EditSettings]
    ) -> tuple[RemoteResult, ...]:
        """Edit a picture, as ``Runner.run`` does on this machine, and wait for the results.

        Args:
            image: pixels, the bytes of a file, or its path.
            on_event: told what happens on the way.
            settings: ``prompt``, ``operations``, ``mask``, ... as of
                :func:`retouch.client.edit_messages.edit_message`.

        Raises:
            RetouchError: as ``Runner.run``. Blocked: the gate refused all variants.
            DaemonFailed: no daemon answers, or it is at fault.
        """
        message = self.message(image, **settings)
        return self.results(self.submit(message), on_event=on_event)

    def run(
        self, request: EditRequest, *, media_type: str = "", on_event: OnEvent = ignore_event
    ) -> tuple[RemoteResult, ...]:
        """Run a request in the daemon as ``Runner.run`` does here. Raises as :meth:`edit`."""
        job = self.submit(self.message_of(request, media_type=media_type))
        return self.results(job, on_event=on_event, first_seed=request.seed)

    def message(self, image: Picture, **settings: Unpack[EditSettings]) -> edit_pb2.EditRequest:
        """Return an edit as a message, for :meth:`submit`; what it refers to is uploaded.

        Args and errors as of :meth:`edit`.
        """
        with self._saying():
            return edit_message(self._uploads, image, **settings)

    def message_of(self, request: EditRequest, *, media_type: str = "") -> edit_pb2.EditRequest:
        """Return a request, as ``Runner.run`` takes it, as a message; see :meth:`message`."""
        with self._saying():
            return message_of_request(request, self._uploads, media_type=media_type)

    def submit(self, message: edit_pb2.EditRequest, *, replace_group: bool = False) -> str:
        """Have a job kept; return its name. It goes on whatever becomes of this client.

        Args:
            message: what to do.
            replace_group: cancel this client's earlier jobs of its group.

        Raises:
            RetouchError: the daemon refused it.
        """
        asked = edit_service_pb2.SubmitRequest(edit=message, replace_group=replace_group)
        with self._saying():
            return self._edits.Submit(asked, metadata=self._metadata).job.job_id

    def plan(self, message: edit_pb2.EditRequest) -> plan_pb2.Plan:
        """Return what a request would do. Raises RetouchError."""
        asked = edit_service_pb2.PlanRequest(edit=message)
        with self._saying():
            return self._edits.Plan(asked, metadata=self._metadata).plan

    def update(
        self,
        *job_ids: str,
        group: str = "",
        document_id: str = "",
        priority: str | None = None,
        paused: bool | None = None,
        new_group: str | None = None,
        time_limit: float | None = None,
        no_time_limit: bool = False,
    ) -> tuple[edit_service_pb2.Job, ...]:
        """Change how jobs are served: by their names, or all of a group or of a document.

        Args:
            job_ids, group, document_id: which; all that is given must fit.
            priority: ``live``, ``interactive`` or ``batch``.
            paused: True pauses, False resumes.
            new_group: their group from now on.
            time_limit: seconds from now after which the result is of no use.
            no_time_limit: take the limit away.

        Returns:
            Those that were not over, as they are now.

        Raises:
            RetouchError.
        """
        asked = update_request(
            job_ids, group=group, document_id=document_id, priority=priority, paused=paused,
            new_group=new_group, time_limit=time_limit, no_time_limit=no_time_limit,
        )  # fmt: skip
        with self._saying():
            return tuple(self._edits.Update(asked, metadata=self._metadata).jobs)

    def cancel(self, *job_ids: str, group: str = "", document_id: str = "") -> tuple[str, ...]:
        """Cancel jobs; return those that were not over. Raises RetouchError."""
        asked = edit_service_pb2.CancelRequest(
            job_ids=job_ids, group=group, document_id=document_id
        )
        with self._saying():
            return tuple(self._edits.Cancel(asked, metadata=self._metadata).job_ids)

    def jobs(self, document_id: str = "") -> tuple[edit_service_pb2.Job, ...]:
        """Return this client's jobs, of one document or all, as they came. Raises RetouchError."""
        asked = edit_service_pb2.ListJobsRequest(document_id=document_id)
        with self._saying():
            return tuple(self._edits.ListJobs(asked, metadata=self._metadata).jobs)

    def watch(self, job_id: str, from_seq: int = 0) -> Iterator[job_pb2.JobEvent]:
        """Yield a job's events to its end; a dropped connection is taken up where it was.

        Raises:
            RetouchError: there is no such job, or the daemon stays away.
        """
        away = 0.0
        while True:
            asked = edit_service_pb2.WatchRequest(job_id=job_id, from_seq=from_seq)
            try:
                for answer in self._edits.Watch(asked, metadata=self._metadata):
                    away, from_seq = 0.0, answer.event.seq + 1
                    yield answer.event
                return
            except grpc.RpcError as problem:
                if problem.code() not in GONE or away >= self.patience:
                    raise error_of_call(problem, self.endpoint.address) from problem
            time.sleep(PAUSE)
            away += PAUSE

    def results(
        self, job_id: str, *, on_event: OnEvent = ignore_event, first_seed: int = 0
    ) -> tuple[RemoteResult, ...]:
        """Follow a job to its end and fetch what it gave, in the order of the variants.

        Args:
            job_id: of the job.
            on_event: told what happens on the way.
            first_seed: of its first variant: those that the gate refused are numbered from it.

        Raises:
            RetouchError: how it failed. Blocked: the gate refused all. Cancelled: it was.
        """
        gathering = Gathering(first_seed)
        for event in self.watch(job_id):
            on_event(event)
            result = gathering.take(event)
            if result is not None:
                digests = pictures_of(result)
                gathering.add(result, *(self._fetched(d) if d else None for d in digests))
        return gathering.finished()

    def _fetched(self, sha256: str) -> bytes:
        """As :meth:`fetch`; a daemon that is gone is waited for, as while a job is followed."""
        away = 0.0
        while True:
            try:
                return self.fetch(sha256)
            except DaemonFailed as problem:
                if not problem.retryable or away >= self.patience:
                    raise
            time.sleep(PAUSE)
            away += PAUSE

    def live(
        self,
        image: Picture,
        *,
        show_every: float | None = None,
        **settings: Unpack[EditSettings],
    ) -> LiveEdit:
        """Begin a live session: ``with client.live(image, prompt=...) as live``.

        Args:
            image: the canvas; pixels, not a file, where strokes are to be painted on it.
            show_every: seconds that are waited for a picture before newer frames no longer cancel
                the one at work; None for the daemon's default.
            settings: as of :meth:`edit`.

        Raises:
            RetouchError.
        """
        messages = LiveMessages(self.message(image, **settings), self._uploads, show_every)
        return LiveEdit(messages, self._edits, self._metadata, self.fetch, self.endpoint.address)


def wait_for_daemon(endpoint: Endpoint, seconds: float) -> None:
    """Wait until a daemon listens. Raises DaemonFailed."""
    channel = open_channel(endpoint)
    try:
        grpc.channel_ready_future(channel).result(timeout=seconds)
    except grpc.FutureTimeoutError as problem:
        message = f"no daemon answers at {endpoint.address} after {seconds:g} s"
        raise DaemonFailed(f"{message}. Fix: start it with `retouch serve`.") from problem
    finally:
        channel.close()
