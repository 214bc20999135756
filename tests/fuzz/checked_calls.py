"""Sends messages to a real daemon, many at a time, and judges every answer."""

import asyncio
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from retouch.v1 import (
    blob_service_pb2,
    catalog_service_pb2,
    edit_pb2,
    edit_service_pb2,
    errors_pb2,
    image_pb2,
    live_pb2,
    trust_service_pb2,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from endurance.calls import Calls, typed_error

SERVICES = tuple(
    module.DESCRIPTOR.services_by_name[name]
    for module, name in (
        (edit_service_pb2, "EditService"),
        (blob_service_pb2, "BlobService"),
        (catalog_service_pb2, "CatalogService"),
        (trust_service_pb2, "TrustService"),
    )
)
METHODS = {f"/{s.full_name}/{m.name}": m for s in SERVICES for m in s.methods}
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9a-f]{64}|\d+")
#: Seconds that an answer may take on a busy machine; and that a stream is read that need not end.
DEADLINE, READ = 120.0, 2.0
AT_ONCE = 24
#: Streams that go on for as long as a job, or its client, does.
OPEN_ENDED = ("Watch", "Run", "Live")
_WITH_FIELD = (
    errors_pb2.ERROR_CODE_INVALID_FIELD,
    errors_pb2.ERROR_CODE_INVALID_IMAGE,
    errors_pb2.ERROR_CODE_UNKNOWN_NAME,
)
#: Faults of the daemon's own, or of an operation: no request may lead to them.
_FAULTS = (
    errors_pb2.ERROR_CODE_UNSPECIFIED,
    errors_pb2.ERROR_CODE_INTERNAL,
    errors_pb2.ERROR_CODE_OPERATION_FAILED,
    errors_pb2.ERROR_CODE_FORWARD_FAILED,
)


#: The whole message; and a digest, which its value finds wherever it is.
_WITHOUT_PLACE = ("request", "sha256")


@dataclass(frozen=True)
class Call:
    """One call: its method's path, and the messages or bytes that it sends."""

    path: str
    sent: tuple

    def words(self):
        """What is sent, as text that can be pasted into a test."""
        return f"{self.path} {[_shown(each) for each in self.sent]}"


def _shown(message):
    if isinstance(message, bytes):
        return repr(message[:200])
    try:
        return text_format.MessageToString(message, as_one_line=True)[:2000]
    except DecodeError:  # something packed in it is none
        return f"{type(message).__name__}.FromString({message.SerializeToString()[:2000]!r})"


def by_kind(problems):
    """One example of every kind of problem, and how often that came, as text."""
    kinds = {}
    for problem in problems:
        kinds.setdefault(_VALUES.sub("_", problem.split("\n")[0]), []).append(problem)
    return "\n".join(f"{len(all_)} times: {all_[0]}" for all_ in kinds.values())


@dataclass
class Judged:
    """What came of all calls.

    Attributes:
        counts: answers, by what they were.
        problems: answers that nobody may get.
    """

    counts: Counter = field(default_factory=Counter)
    problems: list = field(default_factory=list)


def path_exists(path, root):
    """Whether a path names a field of a message; a picture's own may be followed by more."""
    descriptor = root
    # Keys of maps and places of lists say nothing of fields; a key may have dots of its own.
    for name in re.sub(r"\[.*?\](?=\.|\[|$)", "", path, flags=re.DOTALL).split("."):
        if descriptor is image_pb2.ImageRef.DESCRIPTOR:
            return True
        if descriptor is None:
            return False
        if descriptor.full_name == "google.protobuf.Any":
            return True  # a third party's own names
        if name not in {*descriptor.fields_by_name, *descriptor.oneofs_by_name}:
            return False
        found = descriptor.fields_by_name.get(name)
        descriptor = found.message_type if found is not None else None
    return True


def judged_failed(failed, root=edit_pb2.EditRequest.DESCRIPTOR):
    """Why a Failed is no clear error; empty where it is one."""
    if failed.code in _FAULTS:
        return f"{errors_pb2.ErrorCode.Name(failed.code)}: {failed.message}"
    if not failed.message:
        return "a Failed without words"
    if failed.code in _WITH_FIELD:
        if not failed.field_path:
            return f"it names no field: {failed.message}"
        roots = (root, edit_pb2.EditRequest.DESCRIPTOR, live_pb2.LiveRequest.DESCRIPTOR)
        if failed.field_path not in _WITHOUT_PLACE and not any(
            path_exists(failed.field_path, each) for each in roots
        ):
            return f"there is no {failed.field_path}: {failed.message}"
        if not (failed.allowed and failed.fix):
            return f"it does not say what is allowed and what to do: {failed.message}"
    return ""


class Sender:
    """Sends calls to a daemon, over one connection, so many at a time, on a loop of asyncio's."""

    def __init__(self, endpoint, loop, name="fuzz"):
        self._endpoint, self._loop, self._name = endpoint, loop, name
        self.judged = Judged()

    def send(self, calls):
        """Send all, and judge the answers."""
        self._loop.run(self._send(calls))
        return self.judged

    async def _send(self, calls):
        self.calls = Calls(self._endpoint, self._name)
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(call):
            async with turns:
                try:
                    problem = await asyncio.wait_for(self._one(call), 2 * DEADLINE)
                except TimeoutError:
                    problem = "no answer at all"
            if problem:
                self.judged.problems.append(f"{problem}\n  {call.words()}")

        await asyncio.gather(*(one(call) for call in calls))
        await self.calls.close()

    async def _one(self, call):
        method = METHODS[call.path]
        name = method.name
        try:
            if name == "Submit" and not isinstance(call.sent[0], bytes):
                return await self._job(call)
            answers = await self._made(call, method)
        except grpc.aio.AioRpcError as problem:
            return self._judged(problem, method.input_type)
        self.judged.counts[f"{name}: answered"] += 1
        return self._judged_answers(name, answers)

    def _judged(self, problem, root):
        failed = typed_error(problem)
        code = problem.code().name
        if failed is None:
            return f"no typed error: {code}: {problem.details()}"
        self.judged.counts[code] += 1
        if isinstance(failed, errors_pb2.Failed):
            return judged_failed(failed, root)
        return "" if failed.stage and failed.advice else f"an empty Blocked: {failed}"

    def _judged_answers(self, name, answers):
        """Events and frames can have errors in them."""
        for answer in answers:
            event = answer.event if name in ("Watch", "Run") else answer
            if name in (*OPEN_ENDED,) and event.HasField("failed"):
                self.judged.counts[f"{name}: failed"] += 1
                if problem := judged_failed(event.failed):
                    return problem
        return ""

    async def _job(self, call):
        """Submit, cancel at once, and see that it ends."""
        with_token = {"metadata": self.calls.metadata, "timeout": DEADLINE}
        answer = await self.calls.edits.Submit(call.sent[0], **with_token)
        asked = edit_service_pb2.CancelRequest(job_ids=[answer.job.job_id])
        await self.calls.edits.Cancel(asked, **with_token)
        watch = edit_service_pb2.WatchRequest(job_id=answer.job.job_id)
        events = [each async for each in self.calls.edits.Watch(watch, **with_token)]
        end = events[-1].event.WhichOneof("event")
        self.judged.counts[f"job: {end}"] += 1
        if end not in ("done", "failed", "cancelled"):
            return f"the job's last event is {end}"
        return self._judged_answers("Watch", events)

    async def _made(self, call, method):
        """All answers of a call; of a stream that need not end, those of the first seconds."""
        kinds = (
            f"{'stream' if method.client_streaming else 'unary'}_"
            f"{'stream' if method.server_streaming else 'unary'}"
        )
        stub = getattr(self.calls.channel, kinds)(
            call.path,
            request_serializer=lambda m: m if isinstance(m, bytes) else m.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        given = _stream(call.sent) if method.client_streaming else call.sent[0]
        running = stub(given, metadata=self.calls.metadata, timeout=DEADLINE)
        if not method.server_streaming:
            return [await running]
        found = []
        try:
            async with asyncio.timeout(READ if method.name in OPEN_ENDED else DEADLINE):
                async for answer in running:
                    found.append(answer)
        except TimeoutError:
            running.cancel()
        return found


async def _stream(messages):
    for each in messages:
        yield each
