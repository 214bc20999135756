"""What a client asks for arrives as the same request: nothing is lost on the way."""

import dataclasses

import imagecodecs
import numpy as np
import pytest

from retouch.catalog import installed
from retouch.client.edit_messages import edit_message, message_of_request
from retouch.client.uploads import Uploads, asked_in_parts
from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Rect, Size
from retouch.plan import make_plan
from retouch.request import EditRequest
from retouch.v1 import edit_pb2
from retouch_daemon.reading.requests import read_request
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.t2i_adapter import T2IAdapter

PIXELS = np.random.default_rng(0).integers(0, 2**16, (48, 64, 3), dtype=np.uint16)
ADOBE = imagecodecs.cms_profile("adobergb")
IMAGE = Image(PIXELS, alpha=PIXELS[..., 0], icc=ADOBE)
MASK = Mask.rectangle(IMAGE.size, Rect(8, 8, 20, 12))


def arrived(request, **fields):
    uploads = Uploads()
    message = message_of_request(request, uploads, **fields)
    return read_request(message, installed(), uploads.pending.__getitem__)


def assert_alike(found, wanted):
    for field in dataclasses.fields(wanted):
        ours, theirs = getattr(found, field.name), getattr(wanted, field.name)
        if isinstance(theirs, Image):
            assert (ours.pixels == theirs.pixels).all() and ours.icc == theirs.icc
            assert (ours.alpha == theirs.alpha).all()
        elif isinstance(theirs, Mask):
            assert (ours.strength == theirs.strength).all()
        elif field.name != "operations":
            assert ours == theirs, field.name


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"mask": MASK, "feather": 3, "padding": 7},
        {"region": Rect(4, 4, 30, 20)},
        {"prompt": "a", "negative_prompt": "b", "steps": 7, "sampler": "euler", "seed": 5},
        {"variants": 3, "output": "both", "exact": True, "model": "retouch-mini-lcm"},
        {"working_size": 96, "depth": "uint8", "profile": "srgb"},
        {"working_size": Size(96, 64), "depth": "float32", "profile": ADOBE},
    ],
)
def test_a_request_arrives_as_it_was(fields):
    media_type = "image/tiff" if fields.get("depth") == "float32" else ""
    wanted = EditRequest(image=IMAGE, **fields)
    assert_alike(arrived(wanted, media_type=media_type), wanted)


def test_operations_arrive_as_they_were():
    small = Image(PIXELS[:8, :8])
    operations = (
        SDEdit(strength=0.25, repeats=2),
        T2IAdapter(kind="color", scale=0.5, image=small, start=0.1, stop=0.9),
        IPAdapter(images=(small, small), weights=(1.0, 0.5), mask=MASK),
        PromptToPrompt(source_prompt="a cat", words={"cat": 2.0}, blend_words=("cat",)),
    )
    found = arrived(EditRequest(image=IMAGE, operations=operations)).operations
    assert [type(each) for each in found] == [type(each) for each in operations]
    assert found[0] == operations[0]
    assert found[1].start == 0.1 and (found[1].image.pixels == small.pixels).all()
    assert found[2].weights == (1.0, 0.5) and (found[2].mask.strength == MASK.strength).all()
    assert dict(found[3].words) == {"cat": 2.0} and found[3].blend_words == ("cat",)


def test_a_feathered_region_is_what_it_is_without_a_daemon():
    wanted = EditRequest(image=IMAGE, region=Rect(4, 4, 30, 20), feather=5)
    here, there = (make_plan(each, installed()) for each in (wanted, arrived(wanted)))
    assert (here.mask.strength == there.mask.strength).all() and here.region == there.region


def test_what_only_a_daemon_knows_is_in_the_message():
    message = edit_message(
        Uploads(), IMAGE, preview_steps=2, preview_side=100, priority="batch", group="g",
        document_id="d", time_limit=1.5,
    )  # fmt: skip
    assert message.priority == edit_pb2.PRIORITY_CLASS_BATCH
    assert (message.group, message.document_id) == ("g", "d")
    assert message.time_limit.ToMilliseconds() == 1500
    assert (message.output.preview.every_steps, message.output.preview.max_side_px) == (2, 100)
    assert message.client_job_id != edit_message(Uploads(), IMAGE).client_job_id


@pytest.mark.parametrize("field", ["output", "priority", "depth"])
def test_an_unknown_word_is_refused(field):
    with pytest.raises(InvalidField) as caught:
        edit_message(Uploads(), IMAGE, **{field: "other"})
    assert caught.value.field == field and caught.value.allowed


def test_what_is_used_twice_is_uploaded_once():
    uploads = Uploads()
    edit_message(uploads, IMAGE, operations=[T2IAdapter(kind="color", image=IMAGE)])
    assert len(uploads.pending) == 2  # rows and profile


def test_many_digests_are_asked_for_in_parts():
    asked = list(asked_in_parts(map(str, range(5)), most=2))
    assert [list(each.sha256) for each in asked] == [["0", "1"], ["2", "3"], ["4"]]
