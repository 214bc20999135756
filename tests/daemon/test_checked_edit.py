"""One edit at the gate, step by step: what it admits, and which candidate it releases."""

import socket
from pathlib import Path

import numpy as np
import pytest
import torch

from retouch.candidates import Candidate
from retouch.imaging.decode import read_image
from retouch.v1 import edit_pb2, errors_pb2, image_pb2, job_pb2, operation_pb2, sampling_pb2
from retouch_daemon.gate.checked_edit import CheckedEdit
from retouch_daemon.gate.decoders import Decoders
from retouch_daemon.gate.telling import Telling
from retouch_daemon.handover import NotAsAdmitted, digest_of, packed
from retouch_daemon.link.blocking import BlockingLink, Inbox
from retouch_daemon.link.frames import Frame
from retouch_safety import Gate, Installation

HOUSE = Path(__file__).resolve().parents[2] / "sdk/retouch/demo/house.png"
DOCUMENT = read_image(HOUSE).pixels
SHAPE = (1, 4, 32, 32)


class Picky:
    """Refuses chosen pictures, counted from 0 as the gate shows them beside the document."""

    name, category = "picky", "a test category"

    def refuse(self, *numbers):
        self.numbers, self.seen = numbers, 0

    def score(self, rgb, region):
        if np.array_equal(rgb, DOCUMENT):
            return {"whole": 0.0}
        number, self.seen = self.seen, self.seen + 1
        return {"whole": 0.9 if number in self.numbers else 0.0}

    def self_test(self):
        pass


@pytest.fixture(scope="module")
def picky():
    found = Picky()
    found.refuse()
    return found


@pytest.fixture(scope="module")
def gate(picky, tmp_path_factory):
    return Gate([picky], installation=Installation(tmp_path_factory.mktemp("gate") / "safety"))


@pytest.fixture(scope="module")
def decoders():
    found = Decoders("cpu")
    found.of_engine("cpu", "float32")
    return found


@pytest.fixture
def link():
    ours, theirs = socket.socketpair()
    inbox = Inbox(BlockingLink(ours))
    yield BlockingLink(theirs), inbox
    theirs.close()


class Told:
    """What the front is told, so far."""

    def __init__(self, inbox):
        self.inbox = inbox

    def until(self, kind):
        frames = []
        while not frames or frames[-1].kind != kind:
            frames.append(self.inbox.take(wait=True))
        return frames

    def events(self):
        """Events after its phases, up to the one that ends the job."""
        found = []
        while not found or found[-1].WhichOneof("event") not in ("done", "failed"):
            frame = self.inbox.take(wait=True)
            if frame.kind == "event":
                found.append(job_pb2.JobEvent.FromString(frame.payload))
        return [event for event in found if not event.HasField("phases")]


def message(**given):
    found = edit_pb2.EditRequest(
        client_job_id="a",
        canvas=edit_pb2.Canvas(source=image_pb2.ImageRef(sha256="a" * 64)),
        prompt=edit_pb2.Prompt(text="a red house"),
        operations=[
            operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.6)),
            operation_pb2.Operation(best_of=operation_pb2.BestOf(n=2)),
        ],
        output=edit_pb2.Output(delivery=edit_pb2.DELIVERY_COMPOSITED, count=2),
    )
    found.sampling.steps = 2
    for name, value in given.items():
        setattr(found.sampling, name, value)
    return found.SerializeToString()


@pytest.fixture
def admit(gate, decoders, link):
    """Begin an edit: the edit, and what is told of it."""

    def admit(request):
        sending, inbox = link
        edit = CheckedEdit("j1", request, Telling(sending, "j1", 1), gate, decoders)
        assert list(edit.admission(lambda digest: HOUSE.read_bytes())) == [None]
        return edit, Told(inbox)

    return admit


def handed(request, seeds=((1, 0), (2, 3)), **values):
    """What an engine hands over of two variants of two candidates."""
    made = [
        [Candidate(torch.full(SHAPE, seed / 4), seed, {"seed": seed}) for seed in some]
        for some in seeds
    ]
    order, payload = packed(made, "mini")
    known = {"job_id": "j1", "attempt": 1, "digest": digest_of(request), "order": order}
    return Frame("finished", known | values, payload)


def kinds(events):
    return [event.WhichOneof("event") for event in events]


def test_the_best_of_each_is_released(admit, picky):
    picky.refuse()
    request = message()
    edit, told = admit(request)
    *_, admitted = told.until("admitted")
    assert admitted.payload == request and admitted.values["attempt"] == 1
    steps = list(edit.release(handed(request)))
    assert len(steps) == 5  # a decoding and a release each, and the telling
    events = told.events()
    assert kinds(events) == ["result", "result", "done"]
    assert [event.result.seed for event in events[:2]] == [1, 2]
    assert [event.result.settings["seed"] for event in events[:2]] == [1, 2]
    assert edit.over and events[-1].done.released == 2


def test_where_the_best_is_refused_the_next_one_is_tried(admit, picky):
    picky.refuse(0)
    request = message()
    edit, told = admit(request)
    list(edit.release(handed(request)))
    events = told.events()
    assert kinds(events) == ["result", "result", "done"]
    assert [event.result.seed for event in events[:2]] == [0, 2]


def test_where_all_of_a_variant_are_refused_the_first_ones_refusal_is_told(admit, picky):
    picky.refuse(0, 1)
    request = message()
    edit, told = admit(request)
    list(edit.release(handed(request)))
    events = told.events()
    assert kinds(events) == ["blocked", "result", "done"]
    assert events[0].blocked.stage == errors_pb2.GATE_STAGE_DETECTOR
    assert (events[-1].done.released, events[-1].done.blocked) == (1, 1)


def test_where_all_are_refused_the_request_is(admit, picky):
    picky.refuse(0, 1, 2, 3)
    request = message()
    edit, told = admit(request)
    list(edit.release(handed(request)))
    events = told.events()
    assert kinds(events) == ["blocked", "done"] and events[-1].done.blocked == 2


def test_another_request_than_was_admitted_is_not_released(admit, picky):
    picky.refuse()
    request = message()
    edit, _ = admit(request)
    for wrong in (
        handed(request, digest=digest_of(message(steps=3))),
        handed(request, seeds=((1, 0), (2, 9))),
        handed(request, seeds=((1, 0),)),
    ):
        with pytest.raises(NotAsAdmitted):
            list(edit.release(wrong))


def test_a_drawn_seed_is_in_what_the_engine_gets_and_stays(admit, picky, link):
    picky.refuse()
    request = message(seed_mode=sampling_pb2.SEED_MODE_RANDOM)
    edit, told = admit(request)
    *_, admitted = told.until("admitted")
    drawn = edit_pb2.EditRequest.FromString(admitted.payload)
    assert len(drawn.sampling.seeds) == 1 and drawn.sampling.seed_mode == 0
    looked = picky.seen
    for asked in (request, admitted.payload):
        assert edit.again(asked, Telling(link[0], "j1", 2))
        (again,) = told.until("admitted")
        assert again.payload == admitted.payload and again.values["attempt"] == 2
    assert picky.seen == looked  # and nothing was looked at twice
    assert not edit.again(message(), Telling(link[0], "j1", 3))
    first = drawn.sampling.seeds[0]
    seeds = ((first + 1, first), (first + 2, first + 3))
    list(edit.release(handed(admitted.payload, seeds)))
    assert [event.result.seed for event in told.events()[:2]] == [first + 1, first + 2]
