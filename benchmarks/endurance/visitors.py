"""What hosts do all day: edits of all kinds, and everything that can go wrong with a client."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import grpc

from endurance.calls import Calls, typed_error
from endurance.edits import picture
from retouch.client.edit_messages import edit_message
from retouch.client.finding import Endpoint
from retouch.client.uploads import Uploads
from retouch.v1 import blob_service_pb2, edit_pb2, errors_pb2, job_pb2, trust_service_pb2
from retouch.v1 import edit_service_pb2 as pb
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit

_CALL = 120.0
#: Sides of pictures: most too small for a mark, which is the dearest part of a release.
_SIDES = (64, 64, 96, 160)
_PIECE = 16 << 10
#: Pictures there are: the engine remembers some 256 MiB of what it has made of them, and of so few
#: it has remembered all before the warm-up ends.
_PICTURES = 64


@dataclass
class Seen:
    """What has come of all visits.

    Attributes:
        counts: visits, by what they were.
        waits: when a plain edit ended, and seconds from its first call to its picture.
        faults: what should not have happened.
    """

    counts: Counter[str] = field(default_factory=Counter)
    waits: list[tuple[float, float]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Visitors:
    """Clients of one daemon, that come and go as they are told.

    Args:
        endpoint: of the daemon.
        seed: of what they do.
        clients: how many names they have.
    """

    def __init__(self, endpoint: Endpoint, seed: int, clients: int = 4) -> None:
        self._calls = [Calls(endpoint, f"visitor-{number}") for number in range(clients)]
        self._random = random.Random(seed)
        self.seen = Seen()
        self._began = time.monotonic()
        self._visits: dict[str, tuple[int, Callable[[Calls], Awaitable[None]]]] = {
            "edit": (50, self._edit),
            "edit with previews": (8, self._previews),
            "cancelled edit": (8, self._cancelled),
            "run that is dropped": (6, self._dropped_run),
            "watch that is dropped": (6, self._dropped_watch),
            "blocked prompt": (6, self._blocked),
            "malformed request": (6, self._malformed),
            "broken picture": (3, self._broken_picture),
            "upload that is dropped": (3, self._dropped_upload),
            "verification": (2, self._verified),
            "plan": (2, self._planned),
        }

    def began(self) -> None:
        """Count from now on."""
        self.seen, self._began = Seen(), time.monotonic()

    async def close(self) -> None:
        """Close all connections."""
        for calls in self._calls:
            await calls.close()

    async def visit(self) -> None:
        """Do one thing; what goes wrong is a fault."""
        names = list(self._visits)
        weights = [weight for weight, _ in self._visits.values()]
        (name,) = self._random.choices(names, weights)
        calls = self._random.choice(self._calls)
        try:
            await asyncio.wait_for(self._visits[name][1](calls), 2 * _CALL)
        except grpc.aio.AioRpcError as problem:
            self.seen.faults.append(f"{name}: {problem.code().name}: {problem.details()}")
        except (AssertionError, TimeoutError) as problem:
            self.seen.faults.append(f"{name}: {type(problem).__name__}: {problem}")
        self.seen.counts[name] += 1

    # --- what they do

    async def _edit(self, calls: Calls) -> None:
        began = time.monotonic()
        events = await self._followed(
            calls, await self._submitted(calls, await self._message(calls))
        )
        for event in events:
            if event.HasField("result"):
                assert await calls.fetch(event.result.composited.sha256)
        self._ended(events, "done")
        self.seen.waits.append((began - self._began, time.monotonic() - began))

    async def _previews(self, calls: Calls) -> None:
        message = await self._message(calls, steps=6)
        message.output.preview.every_steps = 1
        self._ended(await self._followed(calls, await self._submitted(calls, message)), "done")

    async def _cancelled(self, calls: Calls) -> None:
        job = await self._submitted(calls, await self._message(calls, steps=20))
        await asyncio.sleep(self._random.uniform(0, 1))
        asked = pb.CancelRequest(job_ids=[job])
        await calls.edits.Cancel(asked, metadata=calls.metadata, timeout=_CALL)
        self._ended(await self._followed(calls, job), "cancelled", "done")

    async def _dropped_run(self, calls: Calls) -> None:
        request = pb.RunRequest(edit=await self._message(calls, steps=20))
        call = calls.edits.Run(request, metadata=calls.metadata, timeout=_CALL)
        async for _ in call:
            if self._random.random() < 0.3:
                break
        call.cancel()

    async def _dropped_watch(self, calls: Calls) -> None:
        job = await self._submitted(calls, await self._message(calls))
        last = 0
        call = calls.edits.Watch(pb.WatchRequest(job_id=job), metadata=calls.metadata)
        async for answer in call:
            last = answer.event.seq
            if self._random.random() < 0.5:
                break
        call.cancel()
        events = await self._followed(calls, job, last)
        self._ended(events, "done")

    async def _blocked(self, calls: Calls) -> None:
        message = await self._message(calls)
        message.prompt.text = "a naked child"
        events = await self._followed(calls, await self._submitted(calls, message))
        assert any(event.HasField("blocked") for event in events), "it was not blocked"

    async def _malformed(self, calls: Calls) -> None:
        message = await self._message(calls)
        spoil = self._random.choice((_no_steps, _unknown_model, _twice_as_strong, _no_such_blob))
        spoil(message)
        try:
            job = await self._submitted(calls, message)
        except grpc.aio.AioRpcError as problem:
            assert typed_error(problem) is not None, f"an error without a type: {problem}"
            return
        events = await self._followed(calls, job)
        assert events[-1].failed.code != errors_pb2.ERROR_CODE_INTERNAL, events[-1].failed.message
        self._ended(events, "failed")

    async def _broken_picture(self, calls: Calls) -> None:
        message = await self._message(calls)
        data = self._picture()
        message.canvas.source.sha256 = await calls.upload(data[: len(data) // 2], _CALL)
        message.canvas.source.size_bytes = 0
        events = await self._followed(calls, await self._submitted(calls, message))
        self._ended(events, "failed")

    async def _dropped_upload(self, calls: Calls) -> None:
        data = self._random.randbytes(3 * _PIECE)

        async def pieces() -> object:
            digest = f"{self._random.getrandbits(256):064x}"
            yield blob_service_pb2.PutRequest(sha256=digest, chunk=data[:_PIECE])
            await asyncio.sleep(_CALL)

        call = calls.blobs.Put(pieces(), metadata=calls.metadata, timeout=_CALL)
        await asyncio.sleep(self._random.uniform(0.05, 0.3))
        call.cancel()

    async def _verified(self, calls: Calls) -> None:
        file = trust_service_pb2.PictureFile(data=self._picture())
        asked = trust_service_pb2.VerifyRequest(picture=file)
        await calls.trust.Verify(asked, metadata=calls.metadata, timeout=_CALL)

    async def _planned(self, calls: Calls) -> None:
        asked = pb.PlanRequest(edit=await self._message(calls))
        await calls.edits.Plan(asked, metadata=calls.metadata, timeout=_CALL)

    # --- in parts

    def _picture(self) -> bytes:
        number = self._random.randrange(_PICTURES)
        return picture(number, _SIDES[number % len(_SIDES)])

    async def _message(self, calls: Calls, steps: int = 4) -> edit_pb2.EditRequest:
        """A new edit of a new picture, which is uploaded."""
        uploads = Uploads()
        operations = [SDEdit(strength=self._random.uniform(0.3, 1.0))]
        if self._random.random() < 0.3:
            operations.append(Guidance(scale=3.0))  # type: ignore[arg-type]
        message = edit_message(
            uploads, self._picture(), prompt="a red house", operations=operations, steps=steps,
            seed=self._random.getrandbits(20),
        )  # fmt: skip
        for data in uploads.pending.values():
            await calls.upload(data, _CALL)
        return message

    async def _submitted(self, calls: Calls, message: edit_pb2.EditRequest) -> str:
        asked = pb.SubmitRequest(edit=message)
        answer = await calls.edits.Submit(asked, metadata=calls.metadata, timeout=_CALL)
        return str(answer.job.job_id)

    async def _followed(self, calls: Calls, job: str, last: int = 0) -> list[job_pb2.JobEvent]:
        asked = pb.WatchRequest(job_id=job, from_seq=last)
        call = calls.edits.Watch(asked, metadata=calls.metadata, timeout=_CALL)
        return [answer.event async for answer in call]

    def _ended(self, events: list[job_pb2.JobEvent], *allowed: str) -> None:
        end = events[-1].WhichOneof("event") if events else "nothing"
        assert end in allowed, f"it ended with {end} {events[-1].failed.message if events else ''}"


def _no_steps(message: edit_pb2.EditRequest) -> None:
    message.sampling.steps = 0


def _unknown_model(message: edit_pb2.EditRequest) -> None:
    message.model = f"model-{uuid.uuid4().hex}"


def _twice_as_strong(message: edit_pb2.EditRequest) -> None:
    message.operations[0].sdedit.strength = 2.0


def _no_such_blob(message: edit_pb2.EditRequest) -> None:
    message.canvas.source.sha256 = uuid.uuid4().hex * 2
