"""A client of the daemon: uploads, submits, follows, and comes back after a dropped connection."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import grpc

from retouch.client.failures import DaemonFailed, error_of, error_of_call, refusal_of
from retouch.client.finding import Endpoint
from retouch.client.operation_messages import message_of
from retouch.client.results import RemoteResult
from retouch.client.uploads import Picture, Uploads
from retouch.errors import Blocked, Cancelled, InvalidField
from retouch.imaging.image import Mask
from retouch.imaging.region import Rect
from retouch.operation import Operation
from retouch.v1 import (
    blob_service_pb2,
    catalog_pb2,
    catalog_service_pb2,
    edit_pb2,
    edit_service_pb2,
    image_pb2,
    job_pb2,
    plan_pb2,
)
from retouch.v1.blob_service_pb2_grpc import BlobServiceStub
from retouch.v1.catalog_service_pb2_grpc import CatalogServiceStub
from retouch.v1.edit_service_pb2_grpc import EditServiceStub

#: Told every event of a job.
OnEvent = Callable[[job_pb2.JobEvent], None]
#: Seconds between two attempts to reach the daemon, and for how long.
PAUSE: Final = 0.5
PATIENCE: Final = 60.0
_DELIVERIES: Final = {
    "patch": edit_pb2.DELIVERY_PATCH,
    "composite": edit_pb2.DELIVERY_COMPOSITED,
    "both": edit_pb2.DELIVERY_BOTH,
}
_GONE: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def ignore_event(event: job_pb2.JobEvent) -> None:
    """Take no interest in what happens on the way."""


class Client:
    """A connection to a daemon.

    Args:
        endpoint: where it is; this user's own by default.
        name: of the caller, 1 to 64 letters, digits, dots, dashes: jobs, quotas and fair shares
            belong to it.
        patience: seconds for which a daemon that is gone is waited for, while a job is followed.

    Raises:
        InvalidField: no token can be read.
    """

    def __init__(
        self, endpoint: Endpoint | None = None, *, name: str = "python", patience: float = PATIENCE
    ) -> None:
        self.endpoint = endpoint or Endpoint()
        self.patience = patience
        token = self.endpoint.token()
        self._metadata = (("authorization", f"Bearer {token}"), ("retouch-client", name))
        self._channel = grpc.insecure_channel(
            self.endpoint.address, options=(("grpc.max_receive_message_length", 4 << 20),)
        )
        self._edits = EditServiceStub(self._channel)
        self._blobs = BlobServiceStub(self._channel)
        self._catalog = CatalogServiceStub(self._channel)
        self._uploads = Uploads(self._blobs, self._metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; jobs go on. Harmless twice."""
        self._channel.close()

    def describe(self) -> catalog_pb2.Catalog:
        """Return what the daemon can do. Raises RetouchError."""
        with self._saying():
            asked = catalog_service_pb2.DescribeRequest()
            return self._catalog.Describe(asked, metadata=self._metadata).catalog

    def edit(
        self,
        image: Picture,
        *,
        prompt: str = "",
        negative_prompt: str = "",
        operations: Sequence[Operation] = (),
        mask: Mask | Picture | None = None,
        region: Rect | None = None,
        model: str = "",
        steps: int | None = None,
        sampler: str = "",
        seed: int = 0,
        variants: int = 1,
        output: str = "composite",
        on_event: OnEvent = ignore_event,
    ) -> tuple[RemoteResult, ...]:
        """Edit a picture, as ``Runner.run`` does on this machine, and wait for the results.

        Args:
            image: pixels, the bytes of a file, or its path.
            prompt, negative_prompt, operations, mask, region, model, steps, sampler, seed,
            variants, output: as of ``retouch.EditRequest``; unset ones take the daemon's defaults.
            on_event: told what happens on the way.

        Raises:
            RetouchError: as ``Runner.run``. Blocked: the gate refused all variants.
            DaemonFailed: no daemon answers, or it is at fault.
        """
        if output not in _DELIVERIES:
            raise InvalidField("output", output, ", ".join(_DELIVERIES), "use one of these")
        with self._saying():
            message = edit_pb2.EditRequest(
                client_job_id=uuid.uuid4().hex,
                canvas=edit_pb2.Canvas(source=self._uploads.image(image)),
                prompt=edit_pb2.Prompt(text=prompt, negative=negative_prompt),
                operations=[message_of(each, self._uploads) for each in operations],
                model=model,
                output=edit_pb2.Output(count=variants, delivery=_DELIVERIES[output]),
            )
            if mask is not None:
                message.mask.CopyFrom(self._uploads.mask(mask))
        if region is not None:
            where = image_pb2.Rect(x=region.x, y=region.y, width=region.width, height=region.height)
            message.canvas.selection.CopyFrom(where)
        if steps is not None:
            message.sampling.steps = steps
        message.sampling.sampler = sampler
        message.sampling.seeds.append(seed)
        return self.results(self.submit(message), on_event=on_event)

    def submit(self, message: edit_pb2.EditRequest) -> str:
        """Have a job kept; return its name. It goes on whatever becomes of this client.

        Raises:
            RetouchError: the daemon refused it.
        """
        asked = edit_service_pb2.SubmitRequest(edit=message)
        with self._saying():
            return self._edits.Submit(asked, metadata=self._metadata).job.job_id

    def plan(self, message: edit_pb2.EditRequest) -> plan_pb2.Plan:
        """Return what a request would do. Raises RetouchError."""
        asked = edit_service_pb2.PlanRequest(edit=message)
        with self._saying():
            return self._edits.Plan(asked, metadata=self._metadata).plan

    def cancel(self, *job_ids: str) -> tuple[str, ...]:
        """Cancel jobs; return those that were not over. Raises RetouchError."""
        asked = edit_service_pb2.CancelRequest(job_ids=job_ids)
        with self._saying():
            return tuple(self._edits.Cancel(asked, metadata=self._metadata).job_ids)

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
                if problem.code() not in _GONE or away >= self.patience:
                    raise error_of_call(problem, self.endpoint.address) from problem
            time.sleep(PAUSE)
            away += PAUSE

    def results(self, job_id: str, *, on_event: OnEvent = ignore_event) -> tuple[RemoteResult, ...]:
        """Follow a job to its end and fetch what it gave, in the order of the variants.

        Raises:
            RetouchError: how it failed. Blocked: the gate refused all. Cancelled: it was.
        """
        results: list[RemoteResult] = []
        for event in self.watch(job_id):
            on_event(event)
            kind = event.WhichOneof("event")
            if kind == "result":
                results.append(self._fetched(event.result))
            elif kind == "blocked":
                refusal = refusal_of(event.blocked)
                results.append(RemoteResult(None, None, None, 0, "", refusal))
            elif kind == "failed":
                raise error_of(event.failed)
            elif kind == "cancelled":
                raise Cancelled(f"cancelled: {event.cancelled.reason}")
        if results and all(result.refused for result in results):
            raise _first_refusal(results)
        return tuple(results)

    def fetch(self, sha256: str) -> bytes:
        """Return the bytes of a blob. Raises RetouchError."""
        data = bytearray()
        with self._saying():
            asked = blob_service_pb2.GetRequest(sha256=sha256)
            for piece in self._blobs.Get(asked, metadata=self._metadata):
                data += piece.chunk
        return bytes(data)

    def _fetched(self, result: job_pb2.Result) -> RemoteResult:
        patch = self.fetch(result.patch.sha256) if result.HasField("patch") else None
        whole = self.fetch(result.composited.sha256) if result.HasField("composited") else None
        bounds = result.bounds
        where = Rect(bounds.x, bounds.y, bounds.width, bounds.height)
        return RemoteResult(patch, whole, where, result.seed, result.receipt_id)

    @contextmanager
    def _saying(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as problem:
            raise error_of_call(problem, self.endpoint.address) from problem


def wait_for_daemon(endpoint: Endpoint, seconds: float) -> None:
    """Wait until a daemon listens. Raises DaemonFailed."""
    channel = grpc.insecure_channel(endpoint.address)
    try:
        grpc.channel_ready_future(channel).result(timeout=seconds)
    except grpc.FutureTimeoutError as problem:
        message = f"no daemon answers at {endpoint.address} after {seconds:g} s"
        raise DaemonFailed(f"{message}. Fix: start it with `retouch serve`.") from problem
    finally:
        channel.close()


def _first_refusal(results: Sequence[RemoteResult]) -> Blocked:
    return next(result.refused for result in results if result.refused is not None)
