"""``EditService``: jobs in, events out."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from retouch.errors import InvalidField
from retouch.v1 import edit_pb2, errors_pb2, image_pb2, plan_pb2
from retouch.v1 import edit_service_pb2 as pb
from retouch.v1 import edit_service_pb2_grpc as rpc
from retouch_daemon.failures import CODES
from retouch_daemon.front.dispatcher import Dispatcher
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.identity import client_of
from retouch_daemon.front.statuses import Refusal, answering
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.errors import UnknownBlob
from retouch_daemon.storage.journal import JobRecord, Journal, NewJob, State

#: Longest client_job_id, group and document_id.
_NAME_CHARACTERS: Final = 128
_PRIORITIES: Final = {
    edit_pb2.PRIORITY_CLASS_LIVE: 0,
    edit_pb2.PRIORITY_CLASS_UNSPECIFIED: 1,
    edit_pb2.PRIORITY_CLASS_INTERACTIVE: 1,
    edit_pb2.PRIORITY_CLASS_BATCH: 2,
}
_STATES: Final = {
    State.QUEUED: pb.JOB_STATE_QUEUED,
    State.RUNNING: pb.JOB_STATE_RUNNING,
    State.DONE: pb.JOB_STATE_DONE,
    State.FAILED: pb.JOB_STATE_FAILED,
    State.CANCELLED: pb.JOB_STATE_CANCELLED,
}
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

_Context = grpc.aio.ServicerContext[Any, Any]


class EditService(rpc.EditServiceServicer):
    """Answers hosts about edits.

    Args:
        journal: of jobs. blobs: what requests refer to. feed: of events. dispatcher: the queue.
    """

    def __init__(
        self, journal: Journal, blobs: BlobStore, feed: EventFeed, dispatcher: Dispatcher
    ) -> None:
        self._journal, self._blobs = journal, blobs
        self._feed, self._dispatcher = feed, dispatcher

    async def Submit(self, request: pb.SubmitRequest, context: _Context) -> pb.SubmitResponse:
        """Keep a job."""
        async with answering(context):
            job, is_new = await self._submitted(request.edit, client_of(context))
        return pb.SubmitResponse(job=_described(job), known=not is_new)

    async def Watch(
        self, request: pb.WatchRequest, context: _Context
    ) -> AsyncIterator[pb.WatchResponse]:
        """Follow a job."""
        async with answering(context):
            await asyncio.to_thread(self._journal.job, request.job_id, client_of(context))
            async for event in self._feed.watch(request.job_id, request.from_seq):
                yield pb.WatchResponse(event=event)

    async def Run(self, request: pb.RunRequest, context: _Context) -> AsyncIterator[pb.RunResponse]:
        """Keep a job and follow it; a caller who leaves cancels it."""
        async with answering(context):
            job, _ = await self._submitted(request.edit, client_of(context))
            try:
                async for event in self._feed.watch(job.job_id, 0):
                    yield pb.RunResponse(event=event)
            finally:
                if not request.keep_running:
                    # Nothing where it is over. Shielded: the call itself is being cancelled.
                    await asyncio.shield(self._dispatcher.cancel([job], "disconnected"))

    async def Cancel(self, request: pb.CancelRequest, context: _Context) -> pb.CancelResponse:
        """Cancel jobs."""
        async with answering(context):
            if not (request.job_ids or request.group or request.document_id):
                return pb.CancelResponse()
            jobs = await asyncio.to_thread(
                self._journal.jobs,
                client_of(context),
                (State.QUEUED, State.RUNNING),
                group=request.group or None,
                document=request.document_id or None,
            )
            wanted = set(request.job_ids)
            chosen = [job for job in jobs if not wanted or job.job_id in wanted]
            return pb.CancelResponse(job_ids=await self._dispatcher.cancel(chosen, "asked"))

    async def Plan(self, request: pb.PlanRequest, context: _Context) -> pb.PlanResponse:
        """Say what a request would do."""
        async with answering(context):
            await self._check_blobs(request.edit)
            payload = request.edit.SerializeToString()
            answer = await self._dispatcher.worker.call("plan", payload)
            if answer.kind == "plan_blocked":
                refused = errors_pb2.Blocked.FromString(answer.payload)
                raise Refusal(refused, grpc.StatusCode.PERMISSION_DENIED)
            if answer.kind == "plan_failed":
                failed = errors_pb2.Failed.FromString(answer.payload)
                raise Refusal(failed, _status_of_code(failed.code))
            return pb.PlanResponse(plan=plan_pb2.Plan.FromString(answer.payload))

    async def ListJobs(self, request: pb.ListJobsRequest, context: _Context) -> pb.ListJobsResponse:
        """List the caller's jobs."""
        async with answering(context):
            states = [known for known, sent in _STATES.items() if sent in request.states]
            jobs = await asyncio.to_thread(
                self._journal.jobs,
                client_of(context),
                states or tuple(State),
                document=request.document_id or None,
            )
        return pb.ListJobsResponse(jobs=[_described(job) for job in jobs])

    async def _submitted(self, edit: edit_pb2.EditRequest, client: str) -> tuple[JobRecord, bool]:
        if not edit.client_job_id:
            allowed = f"1 to {_NAME_CHARACTERS} characters"
            fix = "name the job, so that sending it twice starts it once"
            raise InvalidField("client_job_id", "", allowed, fix)
        for name in ("client_job_id", "group", "document_id"):
            length = len(getattr(edit, name))
            if length > _NAME_CHARACTERS:
                allowed = f"at most {_NAME_CHARACTERS} characters"
                raise InvalidField(name, f"{length} characters", allowed, "shorten it")
        if edit.priority not in _PRIORITIES:
            raise InvalidField("priority", edit.priority, "0 to 3", "use one of the named values")
        digests = await self._check_blobs(edit)
        deadline = None
        if edit.HasField("time_limit"):
            deadline = time.time() + edit.time_limit.ToNanoseconds() / 1e9
        new = NewJob(
            client=client,
            client_job_id=edit.client_job_id,
            request=edit.SerializeToString(),
            group=edit.group,
            document=edit.document_id,
            priority=_PRIORITIES[edit.priority],
            blobs=tuple(digests),
            deadline=deadline,
        )
        return await self._dispatcher.submit(new)

    async def _check_blobs(self, edit: edit_pb2.EditRequest) -> list[str]:
        """The digests that a request names, all of which are stored.

        Raises:
            UnknownBlob: one is not. InvalidField: the source is not named, or no digest.
        """
        if not edit.canvas.source.sha256:
            fix = "upload the picture and name it"
            raise InvalidField("canvas.source", "unset", "an ImageRef", fix)
        digests = list(dict.fromkeys(_digests(edit)))
        for digest in digests:
            if not _DIGEST.fullmatch(digest):
                allowed = "64 lower-case hexadecimal digits"
                raise InvalidField("sha256", digest, allowed, "send the SHA-256 of the bytes")
        missing = await asyncio.to_thread(self._blobs.missing, digests)
        if missing:
            raise UnknownBlob(next(iter(missing)))
        return digests


def _digests(message: Message) -> Iterator[str]:
    """Every digest of a stored blob that a message names, however deep."""
    if isinstance(message, image_pb2.ImageRef):
        yield message.sha256
    if isinstance(message, image_pb2.ColorProfile) and message.icc_sha256:
        yield message.icc_sha256
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None or descriptor.message_type.GetOptions().map_entry:
            continue
        for each in value if descriptor.is_repeated else (value,):
            yield from _digests(each)


def _described(job: JobRecord) -> pb.Job:
    created = Timestamp()
    created.FromNanoseconds(round(job.created * 1e9))
    return pb.Job(
        job_id=job.job_id,
        client_job_id=job.client_job_id,
        group=job.group,
        document_id=job.document,
        state=_STATES[job.state],
        created=created,
    )


def _status_of_code(code: errors_pb2.ErrorCode.ValueType) -> grpc.StatusCode:
    return next((status for _, known, status in CODES if known == code), grpc.StatusCode.INTERNAL)
