"""Whatever a client sends, it gets an answer or one clear error, and the daemon lives on.

``RETOUCH_FUZZ=10000`` sends ten thousand requests. Failures are shown as text that can be sent
again; ``smallest`` takes away what they do not need.
"""

import random

import pytest
from checked_calls import METHODS, Call, Sender, by_kind
from conftest import how_many
from endurance.calls import Calls
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_messages import Known, message_of, spoiled
from templates import calls, edits

from retouch.v1 import edit_service_pb2

#: How often a method is called; plans read all of a request, and cost least.
WEIGHTS = {
    "Plan": 10, "Submit": 5, "Put": 2, "Update": 2, "Live": 1, "Run": 1, "Watch": 2, "Verify": 1,
    "LoadModel": 1, "UnloadModel": 1, "SignExport": 1,
}  # fmt: skip
SHOWN = 10


@pytest.fixture(scope="module")
def known(fuzzed, loop):
    """What is stored, and two jobs."""
    found, blobs = edits()

    async def prepare():
        client = Calls(fuzzed.endpoint, "fuzz")
        digests = [await client.upload(data) for data in blobs.values()]
        jobs = []
        for edit in found[:2]:
            asked = edit_service_pb2.SubmitRequest(edit=edit)
            jobs.append((await client.edits.Submit(asked, metadata=client.metadata)).job.job_id)
        for job in jobs:  # both workers are there when these are over
            watch = edit_service_pb2.WatchRequest(job_id=job)
            async for _ in client.edits.Watch(watch, metadata=client.metadata):
                pass
        await client.close()
        return digests, jobs

    digests, jobs = loop.run(prepare())
    return found, Known(digests, jobs)


def generated(found, known, count):
    """So many random calls of all methods."""
    right = {
        f"/retouch.v1.{path}": c for path, c in calls(found, known.digests, known.jobs).items()
    }
    assert right.keys() == METHODS.keys()
    weighted = [path for path, m in METHODS.items() for _ in range(WEIGHTS.get(m.name, 1))]
    made = []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def collect(data):
        draw = data.draw
        path = draw(st.sampled_from(weighted))
        kind = draw(st.sampled_from(["right"] + ["spoiled"] * 6 + ["random"] * 2 + ["bytes"]))
        sent = draw(st.sampled_from(right[path]))
        if kind == "spoiled":
            sent = tuple(spoiled(draw, each, known) for each in sent)
        elif kind == "random":
            sent = (message_of(draw, METHODS[path].input_type, known),)
        elif kind == "bytes":
            sent = (draw(st.binary(min_size=1, max_size=60)),)
        made.append(Call(path, tuple(named(each, len(made)) for each in sent)))

    collect()
    return made


def named(message, number):
    """A job of its own, mostly; a search through a picture takes seconds and is rare.

    A copy: one that is right is sent again and again.
    """
    if isinstance(message, bytes):
        return message
    copy = type(message)()
    copy.CopyFrom(message)
    message = copy
    if hasattr(message, "search") and number % 40:
        message.search = False
    edit = getattr(message, "edit", None)
    if edit is not None and edit.client_job_id and number % 20:
        edit.client_job_id = f"fuzz-{number}"
    return message


def test_every_request_is_answered_or_refused_by_a_clear_error(
    fuzzed, known, loop, record_property
):
    made = generated(*known, how_many(500))
    before = fuzzed.pids()
    sender = Sender(fuzzed.endpoint, loop)
    judged = sender.send(made)
    assert not judged.problems, by_kind(judged.problems)
    after = fuzzed.pids()
    assert {k: after.get(k) for k in ("front", "engine", "gate")} == {
        k: before[k] for k in ("front", "engine", "gate")
    }
    assert not fuzzed.complaints(), fuzzed.complaints()[:SHOWN]
    record_property("fuzz", f"{len(made)} random requests: {dict(judged.counts.most_common())}")


def smallest(endpoint, loop, call, names_of):
    """A call that still has the problem, without the fields that it does not need.

    Args:
        endpoint, loop: as of ``Sender``.
        call: with the problem.
        names_of: says what the problem is, of a list of problems; to be the same.
    """
    wanted = names_of(Sender(endpoint, loop).send([call]).problems)
    changed = True
    while changed:
        changed = False
        for number, message in enumerate(call.sent):
            for field, _ in message.ListFields():
                shorter = GetMessageClass(message.DESCRIPTOR)()
                shorter.CopyFrom(message)
                shorter.ClearField(field.name)
                sent = (*call.sent[:number], shorter, *call.sent[number + 1 :])
                if (
                    names_of(Sender(endpoint, loop).send([Call(call.path, sent)]).problems)
                    == wanted
                ):
                    call, changed = Call(call.path, sent), True
                    break
    return call


def test_bytes_that_are_no_message_are_refused(fuzzed, loop, record_property):
    drawn = random.Random(0)
    made = [
        Call(path, (drawn.randbytes(drawn.randint(1, 40)) + b"\xff",))
        for path in METHODS
        for _ in range(how_many(60) // 30)
    ]
    judged = Sender(fuzzed.endpoint, loop).send(made)
    assert not judged.problems, by_kind(judged.problems)
    assert not fuzzed.complaints(), fuzzed.complaints()[:SHOWN]
    record_property("fuzz", f"{len(made)} requests of random bytes: {dict(judged.counts)}")
