"""Effective parameters: the same plan again, whatever defaults a later version has."""

import numpy as np
import pytest

from retouch.catalog import installed
from retouch.client.edit_messages import message_of_request
from retouch.client.uploads import Uploads
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Rect
from retouch.parameters import parameters_of
from retouch.plan import make_plan
from retouch.request import EditRequest
from retouch_daemon.gate.effective import effective_of
from retouch_daemon.reading.requests import read_request
from retouch_plugins.best_of import BestOf
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.t2i_adapter import T2IAdapter

IMAGE = Image(np.random.default_rng(0).integers(0, 256, (160, 200, 3), dtype=np.uint8))
MASK = Mask.rectangle(IMAGE.size, Rect(60, 50, 40, 30))

EDITS = {
    "nothing": {},
    "mask": {"mask": MASK, "feather": 3, "prompt": "a tree"},
    "region": {"region": Rect(10, 20, 50, 60)},
    "guided": {"operations": (Guidance(start=0.2), SDEdit())},
    "instructed": {"prompt": "make it night", "operations": (InstructPix2Pix(),)},
    "adapters": {
        "operations": (
            IPAdapter(images=(IMAGE,), mask=MASK),
            T2IAdapter(kind="canny"),
            T2IAdapter(kind="color", scale=0.3, guided=False),
        )
    },
    "words": {
        "prompt": "a red cat",
        "operations": (PromptToPrompt(source_prompt="a cat", words={"red": 2.0}),),
    },
    "few steps": {"model": "retouch-mini-lcm", "depth": "uint16"},
}


def planned(fields):
    """The plan of an edit, its message, and where its pictures are."""
    uploads = Uploads()
    message = message_of_request(EditRequest(image=IMAGE, **fields), uploads)
    return read(message, uploads), message, uploads


def read(message, uploads):
    request = read_request(message, installed(), uploads.pending.__getitem__)
    return make_plan(request, installed())


@pytest.mark.parametrize("name", EDITS)
def test_the_request_that_was_filled_in_gives_the_same_plan(name):
    plan, message, uploads = planned(EDITS[name])
    effective = effective_of(message, plan, "cpu")
    again = read(effective.request, uploads)
    for field in ("model", "region", "steps", "sampler", "repeats", "candidates", "calls"):
        assert getattr(again, field) == getattr(plan, field), field
    assert again.rows <= plan.rows  # a scale of 1 that is written down needs no second branch
    assert [type(op) for op in again.operations] == [type(op) for op in plan.operations]


@pytest.mark.parametrize("name", EDITS)
def test_nothing_is_left_to_defaults(name):
    plan, message, uploads = planned(EDITS[name])
    request = effective_of(message, plan, "cpu").request
    for operation, sent in zip(plan.operations, request.operations, strict=True):
        for known in parameters_of(type(operation)):
            value = getattr(operation.settled(plan), known.name)
            if isinstance(value, int | float | str) and known.name not in ("start", "stop"):
                technique = getattr(sent, operation.name)
                described = technique.DESCRIPTOR.fields_by_name[known.name]
                has = not described.has_presence or technique.HasField(known.name)
                assert has, (operation.name, known.name)
    assert request.model and request.sampling.steps and request.sampling.sampler
    assert request.canvas.working_size.HasField("size") and request.output.media_type
    assert request.canvas.context.WhichOneof("policy") and request.output.sample_type
    # filled in twice is filled in once
    again = effective_of(request, read(request, uploads), "cpu")
    assert again.request == request


def test_what_the_model_would_choose_is_written_down():
    plan, message, _ = planned(EDITS["adapters"])
    effective = effective_of(message, plan, "cpu float32")
    ip, canny, color, guidance, *_ = effective.request.operations
    assert ip.ip_adapter.model == "retouch-mini-ip-adapter"
    assert canny.t2i_adapter.model == "retouch-mini-t2i-canny"
    assert canny.t2i_adapter.HasField("guided") and color.t2i_adapter.guided is False
    assert guidance.guidance.scale == plan.geometry.guidance
    named = {"retouch-mini-ip-adapter", "retouch-mini-t2i-canny", "retouch-mini-t2i-color"}
    assert set(effective.other_models_sha256) == named
    digests = [effective.model_sha256, *effective.other_models_sha256.values()]
    assert all(len(digest) == 64 for digest in digests) and len(set(digests)) == 4
    assert effective.operation_versions["t2i_adapter"] == "retouch 0.1.0"
    assert effective.device == "cpu float32"


def test_a_variant_is_the_one_that_was_chosen():
    fields = {"prompt": "a cat", "operations": (BestOf(n=3),), "variants": 2, "seed": 5}
    plan, message, _ = planned(fields)
    whole, one = effective_of(message, plan, "cpu"), effective_of(message, plan, "cpu", seed=7)
    assert (whole.request.output.count, list(whole.request.sampling.seeds)) == (2, [5])
    assert (one.request.output.count, list(one.request.sampling.seeds)) == (1, [7])
    names = [[op.WhichOneof("technique") for op in e.request.operations] for e in (whole, one)]
    assert "best_of" in names[0] and "best_of" not in names[1]


def test_an_operation_by_name_keeps_its_form():
    uploads = Uploads()
    message = message_of_request(EditRequest(image=IMAGE), uploads)
    from retouch.client.operation_messages import NamedOperation, message_of

    message.operations.append(message_of(NamedOperation("sdedit", {"strength": 0.5}), uploads))
    effective = effective_of(message, read(message, uploads), "cpu")
    again = read(effective.request, uploads)
    (sdedit,) = (op for op in again.operations if op.name == "sdedit")
    assert sdedit == SDEdit(strength=0.5, repeats=1)
    assert effective.request.operations[0].WhichOneof("technique") == "custom"
