"""``EditService``: jobs in, events out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc

from retouch.errors import InvalidField
from retouch.v1 import edit_pb2, live_pb2, plan_pb2
from retouch.v1 import edit_service_pb2 as pb
from retouch.v1 import edit_service_pb2_grpc as rpc
from retouch_daemon.front.asking import asked
from retouch_daemon.front.dispatcher import Dispatcher
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.identity import client_of
from retouch_daemon.front.job_messages import (
    NAME_CHARACTERS,
    STATES,
    checked_limit,
    checked_name,
    checked_priority,
    described,
    listed,
)
from retouch_daemon.front.job_updates import JobUpdates
from retouch_daemon.front.live_session import LiveSession
from retouch_daemon.front.named_blobs import checked_blobs
from retouch_daemon.front.pace import Pace
from retouch_daemon.front.statuses import refuse_unless_answered
from retouch_daemon.front.work_size import pixels_of
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.job_records import JobRecord, NewJob, State
from retouch_daemon.storage.journal import Journal

#: Edits of a client and class that may wait before those that hand in more hear of it only at so
#: many a second: they would only wait here instead, and taking each costs the others time.
_UNPACED: Final = 64
_PER_SECOND: Final = 10.0
_AT_ONCE: Final = 8

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
        self._updates = JobUpdates(journal, feed, dispatcher)
        self._pace = Pace(_PER_SECOND, _AT_ONCE)

    async def Submit(self, request: pb.SubmitRequest, context: _Context) -> pb.SubmitResponse:
        """Keep a job."""
        client = client_of(context)
        job, is_new = await self._submitted(request.edit, client, request.replace_group)
        # It is kept and in the queue; only word of it waits, and with it what comes next.
        if self._dispatcher.ready_of(client, job.priority) > _UNPACED:
            await self._pace.turn((client, job.priority))
        return pb.SubmitResponse(job=described(job), known=not is_new)

    async def Watch(
        self, request: pb.WatchRequest, context: _Context
    ) -> AsyncIterator[pb.WatchResponse]:
        """Follow a job."""
        await asyncio.to_thread(self._journal.job, request.job_id, client_of(context))
        async for event in self._feed.watch(request.job_id, request.from_seq):
            yield pb.WatchResponse(event=event)

    async def Run(self, request: pb.RunRequest, context: _Context) -> AsyncIterator[pb.RunResponse]:
        """Keep a job and follow it; a caller who leaves cancels it."""
        client = client_of(context)
        job, _ = await self._submitted(request.edit, client, request.replace_group)
        try:
            async for event in self._feed.watch(job.job_id, 0):
                yield pb.RunResponse(event=event)
        finally:
            # Where the daemon stops it is not the caller who leaves: the job begins again.
            if not request.keep_running and not self._dispatcher.stopping:
                # Nothing where it is over. Shielded: the call itself is being cancelled.
                await asyncio.shield(self._dispatcher.cancel([job], "disconnected"))

    async def Update(self, request: pb.UpdateRequest, context: _Context) -> pb.UpdateResponse:
        """Change how jobs are served."""
        jobs = await self._chosen(request, client_of(context))
        changed = await self._updates.apply(request, jobs)
        return pb.UpdateResponse(jobs=[described(job) for job in changed])

    async def Cancel(self, request: pb.CancelRequest, context: _Context) -> pb.CancelResponse:
        """Cancel jobs."""
        chosen = await self._chosen(request, client_of(context))
        return pb.CancelResponse(job_ids=await self._dispatcher.cancel(chosen, "asked"))

    async def Live(
        self, requests: AsyncIterator[live_pb2.LiveRequest], context: _Context
    ) -> AsyncIterator[live_pb2.LiveResponse]:
        """Follow a brush."""
        session = LiveSession(
            self._journal, self._blobs, self._feed, self._dispatcher, client_of(context)
        )
        async for response in session.run(requests):
            yield response

    async def Plan(self, request: pb.PlanRequest, context: _Context) -> pb.PlanResponse:
        """Say what a request would do."""
        await asyncio.to_thread(checked_blobs, request.edit, self._blobs)
        payload = request.edit.SerializeToString()
        answer = await asked(self._dispatcher.gate, "plan", payload)
        refuse_unless_answered(answer, "plan")
        return pb.PlanResponse(plan=plan_pb2.Plan.FromString(answer.payload))

    async def ListJobs(self, request: pb.ListJobsRequest, context: _Context) -> pb.ListJobsResponse:
        """List the caller's jobs."""
        states = [known for known, sent in STATES.items() if sent in request.states]
        jobs = await asyncio.to_thread(
            self._journal.jobs,
            client_of(context),
            states or tuple(State),
            document=request.document_id or None,
        )
        return pb.ListJobsResponse(jobs=await asyncio.to_thread(listed, jobs))

    async def _chosen(
        self, request: pb.CancelRequest | pb.UpdateRequest, client: str
    ) -> list[JobRecord]:
        """The caller's jobs that are not over and fit all that is given; none without anything."""
        if not (request.job_ids or request.group or request.document_id):
            return []
        jobs = await asyncio.to_thread(
            self._journal.jobs,
            client,
            (State.QUEUED, State.RUNNING),
            group=request.group or None,
            document=request.document_id or None,
        )
        wanted = set(request.job_ids)
        return [job for job in jobs if not wanted or job.job_id in wanted]

    async def _submitted(
        self, edit: edit_pb2.EditRequest, client: str, replace_group: bool
    ) -> tuple[JobRecord, bool]:
        if replace_group and not edit.group:
            fix = "name the group, or leave replace_group out"
            raise InvalidField("group", "", "a name, with replace_group", fix)
        job, is_new = await self._dispatcher.submit(await self._new_job(edit, client))
        if replace_group:
            # Of what came before it alone: sent twice, it still replaces no newer one.
            earlier = await asyncio.to_thread(self._journal.earlier, job.job_id)
            await asyncio.shield(self._dispatcher.cancel(earlier, "replaced"))
        return job, is_new

    async def _new_job(self, edit: edit_pb2.EditRequest, client: str) -> NewJob:
        if not edit.client_job_id:
            allowed = f"1 to {NAME_CHARACTERS} characters"
            fix = "name the job, so that sending it twice starts it once"
            raise InvalidField("client_job_id", "", allowed, fix)
        for name in ("client_job_id", "group", "document_id"):
            checked_name(name, getattr(edit, name))
        priority = checked_priority(edit.priority)
        digests = await asyncio.to_thread(checked_blobs, edit, self._blobs)
        deadline = None
        if edit.HasField("time_limit"):
            deadline = time.time() + checked_limit(edit.time_limit)
        return NewJob(
            client=client,
            client_job_id=edit.client_job_id,
            request=edit.SerializeToString(),
            group=edit.group,
            document=edit.document_id,
            priority=priority,
            blobs=tuple(digests),
            deadline=deadline,
            pixels=await asyncio.to_thread(pixels_of, edit, self._blobs.folder),
        )
