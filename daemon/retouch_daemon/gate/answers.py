"""What an edit gives, as messages; pictures go ahead as blobs. The only maker of image messages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, cast

from google.protobuf.message import Message

from retouch.client.raw_rows import raw_rows
from retouch.plan import Plan
from retouch.result import EditResult
from retouch.v1 import edit_pb2, image_pb2, job_pb2, plan_pb2
from retouch_daemon.gate.effective import effective_of
from retouch_daemon.phases import phases
from retouch_daemon.reading.requests import MEDIA_TYPES
from retouch_safety.sealed import Released

#: What best_of notes in the settings.
_SIMILARITY: Final = "best_of.similarity"
#: Sends bytes ahead of the message that names them.
SendBlob = Callable[[str, bytes], None]


class Answers:
    """Turns what the gate has released into messages.

    Args:
        message: the request, whose defaults ``plan`` has filled in.
        plan: of the edit.
        device: where and how it runs.
        send_blob: takes bytes before the message that names them is sent.
    """

    def __init__(
        self, message: edit_pb2.EditRequest, plan: Plan, device: str, send_blob: SendBlob
    ) -> None:
        self._message, self._plan, self._device = message, plan, device
        self._send_blob = send_blob
        self.blobs: list[str] = []

    def phases(self) -> job_pb2.Phases:
        """The parts of the work."""
        return phases(self._plan.model.bytes, self._plan.calls)

    def plan(self) -> plan_pb2.Plan:
        """What would run."""
        plan = self._plan
        found = plan_pb2.Plan(
            effective=effective_of(self._message, plan, self._device),
            phases=self.phases().phases,
            rows=plan.row_steps,
            network_calls=plan.calls,
            memory_bytes=plan.memory_bytes,
        )
        if plan.region is not None:
            crop, working = plan.region.crop, plan.region.working
            found.context_bounds.CopyFrom(
                image_pb2.Rect(x=crop.x, y=crop.y, width=crop.width, height=crop.height)
            )
            found.working_size.CopyFrom(image_pb2.Size(width=working.width, height=working.height))
        return found

    def result(self, variant: int, result: EditResult) -> job_pb2.Result:
        """One released variant; its pictures have been sent when this returns."""
        shown = result.patch or result.composite
        assert shown is not None
        message = job_pb2.Result(
            variant=variant,
            bounds=_bounds(shown),
            seed=result.seed,
            effective=effective_of(self._message, self._plan, self._device, seed=result.seed),
            receipt_id=shown.receipt.record,
            receipt=shown.receipt.to_json(),
        )
        message.settings.update(cast(Any, dict(result.settings)))
        score = rank_score(result, self._plan)
        if score is not None:
            message.rank_score = score
        if result.patch is not None:
            message.patch.CopyFrom(self._picture(result.patch))
        if result.composite is not None:
            message.composited.CopyFrom(self._picture(result.composite))
        return message

    def preview(self, variant: int, released: Released) -> job_pb2.Preview:
        """A look at a variant on its way, as raw rows."""
        assert self._plan.region is not None
        crop = self._plan.region.crop  # the picture may be smaller
        where = image_pb2.Rect(x=crop.x, y=crop.y, width=crop.width, height=crop.height)
        return job_pb2.Preview(variant=variant, image=self._raw(released), bounds=where)

    def _picture(self, released: Released) -> image_pb2.ImageRef:
        media_type = self._message.output.media_type
        kind = MEDIA_TYPES[media_type]
        if not kind:
            return self._raw(released)
        data = released.encoded(kind)
        ref = self._stored(data)
        ref.encoded.media_type = media_type or "image/png"
        return ref

    def _raw(self, released: Released) -> image_pb2.ImageRef:
        order = self._message.output.channel_order
        data, layout = raw_rows(released.pixels, released.alpha, order)
        ref = self._stored(data)
        ref.raw.CopyFrom(layout)
        if released.icc is not None:
            ref.color_profile.icc_sha256 = self._stored(released.icc).sha256
        return ref

    def _stored(self, data: bytes) -> image_pb2.ImageRef:
        digest = hashlib.sha256(data).hexdigest()
        self._send_blob(digest, data)
        self.blobs.append(digest)
        return image_pb2.ImageRef(sha256=digest, size_bytes=len(data))

    def take_blobs(self) -> list[str]:
        """Return the digests sent since the last time, for the event that names them."""
        sent, self.blobs = self.blobs, []
        return sent


def rank_score(result: EditResult, plan: Plan) -> float | None:
    """How near best_of found a variant to its prompt, -1 to 1; None where it did not rank.

    It says so of all tries at a variant, in the order of their seeds. The engine says it: what is
    no such number is left out.
    """
    scores = result.settings.get(_SIMILARITY)
    if not isinstance(scores, list) or len(scores) != plan.candidates:
        return None
    score = scores[(result.seed - plan.request.seed) % plan.candidates]
    is_number = isinstance(score, int | float) and not isinstance(score, bool)
    return float(score) if is_number and -1.0 <= score <= 1.0 else None


def event(**what: Message) -> job_pb2.JobEvent:
    """Return an event of one kind: ``event(progress=...)``; the front numbers and dates it."""
    return job_pb2.JobEvent(**what)  # type: ignore[arg-type]


def _bounds(released: Released) -> image_pb2.Rect:
    x, y = released.offset
    height, width = released.pixels.shape[:2]
    return image_pb2.Rect(x=x, y=y, width=width, height=height)
