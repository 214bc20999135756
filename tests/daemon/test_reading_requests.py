"""A request's message becomes the request that the engine takes, or one clear error."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from small_requests import CANVAS, PIXELS, STRENGTH, mask, read, refused

from retouch.catalog import installed
from retouch.errors import CannotCombine, InvalidImage
from retouch.imaging.image import Mask
from retouch.imaging.region import Rect
from retouch.request import EditRequest
from retouch.v1 import edit_pb2 as pb
from retouch.v1 import image_pb2, mask_pb2, operation_pb2, sampling_pb2
from retouch_daemon.reading.requests import read_request
from retouch_daemon.storage.reading import checked_digest
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit


def test_only_a_picture_gives_the_defaults():
    request, wanted = read(), EditRequest(image=read().image, output="patch")
    assert (request.image.pixels == PIXELS).all()
    for field in EditRequest.__dataclass_fields__:
        if field != "image":
            assert getattr(request, field) == getattr(wanted, field), field


def test_every_field_reaches_the_request():
    request = read(
        client_job_id="job",
        group="group",
        document_id="document",
        priority=pb.PRIORITY_CLASS_BATCH,
        canvas={"context": pb.ContextPolicy(padding_px=17)},
        mask=mask(feather_px=3.0),
        prompt=pb.Prompt(text="a dog", negative="blurry"),
        model="other",
        sampling=sampling_pb2.Sampling(sampler="euler", steps=9, seeds=[7], exact=True),
        operations=[
            operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.5)),
            operation_pb2.Operation(guidance=operation_pb2.Guidance(scale=2.0), stop=0.5),
        ],
        output=pb.Output(count=3, delivery=pb.DELIVERY_BOTH, media_type="image/tiff"),
    )
    assert (request.prompt, request.negative_prompt) == ("a dog", "blurry")
    assert request.operations == (SDEdit(strength=0.5), Guidance(scale=2.0, stop=0.5))
    assert (request.mask.strength == STRENGTH / np.float32(255)).all()
    assert (request.region, request.feather, request.padding) == (None, 3, 17)
    assert (request.model, request.steps, request.sampler) == ("other", 9, "euler")
    assert (request.seed, request.variants, request.output) == (7, 3, "both")
    assert request.exact is True


@pytest.mark.parametrize(
    ("delivery", "output"),
    [
        (pb.DELIVERY_UNSPECIFIED, "patch"),
        (pb.DELIVERY_PATCH, "patch"),
        (pb.DELIVERY_COMPOSITED, "composite"),
        (pb.DELIVERY_BOTH, "both"),
    ],
)
def test_deliveries(delivery, output):
    assert read(output=pb.Output(delivery=delivery)).output == output


def test_a_request_without_a_picture_is_refused():
    with pytest.raises(InvalidImage) as caught:
        read_request(pb.EditRequest(), installed(), checked_digest)
    assert caught.value.field == "canvas.source.sha256"


# --- selection, mask and context ---------------------------------------------------------------


def rect(x, y, width, height):
    return image_pb2.Rect(x=x, y=y, width=width, height=height)


def test_a_selection_alone_is_the_region():
    request = read(canvas={"selection": rect(3, 4, 20, 10)})
    assert request.region == Rect(3, 4, 20, 10) and request.mask is None


def test_a_selection_cuts_the_mask():
    request = read(canvas={"selection": rect(0, 0, 15, 15)}, mask=mask())
    inside = Mask.rectangle(CANVAS, Rect(0, 0, 15, 15)).strength > 0
    assert request.region is None
    assert (request.mask.strength == np.where(inside, STRENGTH / np.float32(255), 0)).all()
    assert request.mask.bbox() == Rect(5, 10, 10, 5)


def test_a_selection_cuts_what_the_mask_has_grown():
    request = read(canvas={"selection": rect(0, 0, 30, 15)}, mask=mask(grow_px=3))
    assert request.mask.bbox() == Rect(2, 7, 26, 8)


@pytest.mark.parametrize(
    "selection", [rect(0, 0, 0, 5), rect(0, 0, 41, 30), rect(-1, 0, 5, 5), rect(90, 0, 5, 5)]
)
def test_a_selection_lies_in_the_picture(selection):
    refused("canvas.selection", canvas={"selection": selection})


def test_an_empty_selection_is_refused_with_a_mask_too():
    refused("canvas.selection", canvas={"selection": rect(3, 3, 4, 0)}, mask=mask())


def test_a_mask_that_cannot_be_read_has_its_path():
    refused("mask.image.sha256", InvalidImage, mask=mask_pb2.Mask(image={"sha256": "c" * 64}))
    refused("mask.feather_px", mask=mask(feather_px=4097))


SELECTED = {"selection": rect(3, 4, 20, 10)}


@pytest.mark.parametrize(
    ("policy", "alone", "with_selection", "with_mask"),
    [
        ({}, None, None, None),
        ({"padding_px": 0}, 0, 0, 0),
        ({"padding_px": 65536}, 65536, 65536, 65536),
        ({"padding_fraction": 0.0}, 0, 0, 0),
        ({"padding_fraction": 0.5}, 20, 10, 10),
        ({"padding_fraction": 4.0}, 160, 80, 80),
        ({"whole_canvas": True}, 65536, 65536, 65536),
        ({"whole_canvas": False}, None, None, None),
    ],
)
def test_context_policies(policy, alone, with_selection, with_mask):
    context = {"context": pb.ContextPolicy(**policy)}
    assert read(canvas=context).padding == alone
    assert read(canvas=context | SELECTED).padding == with_selection
    assert read(canvas=context, mask=mask()).padding == with_mask


@pytest.mark.parametrize(
    "policy",
    [
        *({"padding_fraction": value} for value in (-0.01, 4.01, np.nan, np.inf, -np.inf)),
        *({"padding_px": value} for value in (65537, 2**32 - 1)),
    ],
)
def test_context_out_of_range_is_refused(policy):
    context = {"context": pb.ContextPolicy(**policy)}
    refused(f"canvas.context.{next(iter(policy))}", canvas=context)


def test_errors_of_operations_have_their_place_in_the_message():
    good = operation_pb2.Operation(guidance=operation_pb2.Guidance())
    bad = operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=1.5))
    refused("operations[2].sdedit.strength", operations=[good, good, bad])
    refused("operations[1].technique", operations=[good, operation_pb2.Operation()])


def test_an_operation_twice_cannot_be_combined():
    twice = [operation_pb2.Operation(guidance=operation_pb2.Guidance())] * 2
    with pytest.raises(CannotCombine, match="guidance twice"):
        read(operations=twice)


def test_too_many_operations_are_refused_before_any_is_read():
    nothing = operation_pb2.Operation()
    assert refused("operations", operations=[nothing] * 33).value == 33
