"""Operations of a request that cannot be: one error, with the place in the message."""

import dataclasses

import pytest

from retouch.catalog import installed
from retouch.errors import InvalidField, InvalidImage, UnknownName
from retouch.imaging.image import Mask
from retouch.imaging.region import Rect, Size
from retouch.parameters import MAX_ITEMS
from retouch.v1 import image_pb2, mask_pb2
from retouch.v1 import operation_pb2 as pb
from retouch_daemon.reading.operations import read_operation
from retouch_daemon.reading.pictures import PictureReader
from retouch_daemon.storage.errors import UnknownBlob

CANVAS = Size(8, 6)
STORED = "1" * 64


def ref(digit):
    raw = image_pb2.RawLayout(
        size=image_pb2.Size(width=5, height=4),
        channel_order=image_pb2.CHANNEL_ORDER_RGB,
        sample_type=image_pb2.SAMPLE_TYPE_UINT8,
    )
    return image_pb2.ImageRef(sha256=digit * 64, raw=raw)


def fetch(digest):
    if digest != STORED:
        raise UnknownBlob(digest)
    return bytes(5 * 4 * 3)


def read(*, fetch=fetch, **fields):
    pictures = PictureReader(fetch)
    return read_operation(pb.Operation(**fields), installed(), pictures, CANVAS, "operations[2]")


def refused(path, error=InvalidField, **fields):
    with pytest.raises(InvalidField) as caught:
        read(**fields)
    assert caught.value.field == f"operations[2].{path}"
    assert type(caught.value) is error
    assert str(caught.value).startswith(f"operations[2].{path}: got ")
    assert caught.value.allowed and caught.value.fix
    return caught.value


REGION = {"region": mask_pb2.Region(rect=image_pb2.Rect(x=-1, y=2, width=4, height=3))}
INSIDE = Mask.rectangle(CANVAS, Rect(-1, 2, 4, 3))
#: Message with only what is required.
ONLY_REQUIRED = {
    "guidance": pb.Guidance(),
    "sdedit": pb.SDEdit(),
    "instruct_pix2pix": pb.InstructPix2Pix(),
    "soft_mask": pb.SoftMask(),
    "prompt_to_prompt": pb.PromptToPrompt(source_prompt="a cat"),
    "ip_adapter": pb.IPAdapter(images=[ref("1")]),
    "t2i_adapter": pb.T2IAdapter(kind=pb.T2I_ADAPTER_KIND_COLOR),
    "best_of": pb.BestOf(),
}
TAKE_REGION = ("ip_adapter", "t2i_adapter")
TAKE_WINDOW = ("guidance", *TAKE_REGION)


# --- technique and choices ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "field", ["soft_mask.method", "prompt_to_prompt.mode", "ip_adapter.layers", "t2i_adapter.kind"]
)
@pytest.mark.parametrize("number", [5, 99, -1])
def test_an_unknown_choice_is_refused(field, number):
    name, choice = field.split(".")
    message = type(ONLY_REQUIRED[name])()
    message.CopyFrom(ONLY_REQUIRED[name])
    setattr(message, choice, number)
    error = refused(field, **{name: message})
    assert error.value == number and "UNSPECIFIED" not in error.allowed


def test_what_a_control_picture_shows_must_be_said():
    error = refused("t2i_adapter.kind", t2i_adapter=pb.T2IAdapter(image=ref("1")))
    assert "T2I_ADAPTER_KIND_CANNY" in error.allowed


def test_no_technique_or_one_that_is_not_known_is_refused():
    assert "sdedit" in refused("technique").allowed
    custom = pb.Operation().custom
    custom.type_url = "example.com/mine"
    refused("custom", custom=custom)


# --- region and window -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ONLY_REQUIRED)
def test_a_region_is_taken_where_the_operation_has_one(name):
    fields = {name: ONLY_REQUIRED[name]} | REGION
    if name in TAKE_REGION:
        assert (read(**fields).mask.strength == INSIDE.strength).all()
    else:
        refused("region", **fields)


@pytest.mark.parametrize("bound", ["start", "stop"])
@pytest.mark.parametrize("name", ONLY_REQUIRED)
def test_a_window_is_taken_where_the_operation_has_one(name, bound):
    default = {"start": 0.0, "stop": 1.0}[bound]
    for value in (0.5, default):  # the default, too, is refused where it means nothing
        fields = {name: ONLY_REQUIRED[name], bound: value}
        if name in TAKE_WINDOW:
            assert getattr(read(**fields), bound) == value
        else:
            refused(bound, **fields)


@pytest.mark.parametrize("name", TAKE_WINDOW)
def test_a_window_ends_after_it_begins_and_lies_in_the_edit(name):
    fields = {name: ONLY_REQUIRED[name]}
    for value in (-0.01, 1.01, float("nan"), float("inf")):
        refused("start", start=value, **fields)
        refused("stop", stop=value, **fields)
    refused("stop", start=0.75, stop=0.5, **fields)
    made = read(start=0.5, stop=0.5, **fields)
    assert (made.start, made.stop) == (0.5, 0.5)


def test_a_region_s_own_errors_have_its_path():
    region = mask_pb2.Region(mask=mask_pb2.Mask(image=ref("1")))
    fields = {"ip_adapter": ONLY_REQUIRED["ip_adapter"]}
    refused("region.mask.polarity", region=region, **fields)
    region.mask.polarity = mask_pb2.MASK_POLARITY_EDIT_WHITE
    refused("region.mask.image.size", InvalidImage, region=region, **fields)


# --- errors of the operation's own -------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "message", "value"),
    [
        ("sdedit.strength", pb.SDEdit(strength=1.5), 1.5),
        ("sdedit.repeats", pb.SDEdit(repeats=0), 0),
        ("guidance.scale", pb.Guidance(scale=50.5), 50.5),
        ("instruct_pix2pix.image_scale", pb.InstructPix2Pix(image_scale=-1), -1.0),
        ("soft_mask.strength", pb.SoftMask(strength=2), 2.0),
        ("prompt_to_prompt.source_prompt", pb.PromptToPrompt(), ""),
        (
            "prompt_to_prompt.words[red]",
            pb.PromptToPrompt(source_prompt="a", words={"red": 10.5}),
            10.5,
        ),
        ("ip_adapter.images", pb.IPAdapter(), "0 pictures"),
        ("ip_adapter.images", pb.IPAdapter(images=[ref("1")] * 17), "17 pictures"),
        ("ip_adapter.weights", pb.IPAdapter(images=[ref("1")], weights=[1, 2]), (1.0, 2.0)),
        ("ip_adapter.weights[0]", pb.IPAdapter(images=[ref("1")], weights=[11]), 11.0),
        ("t2i_adapter.image", pb.T2IAdapter(kind=pb.T2I_ADAPTER_KIND_DEPTH), None),
        ("best_of.n", pb.BestOf(n=1), 1),
    ],
)
def test_its_own_checks_name_the_message_s_path(path, message, value):
    error = refused(path, **{path.split(".")[0]: message})
    assert error.value == value
    direct = error.__cause__
    assert isinstance(direct, InvalidField) and direct.field == path
    assert (error.allowed, error.fix) == (direct.allowed, direct.fix)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("ip_adapter.images[1].sha256", {"ip_adapter": pb.IPAdapter(images=[ref("1"), ref("9")])}),
        (
            "t2i_adapter.image.sha256",
            {"t2i_adapter": pb.T2IAdapter(kind=pb.T2I_ADAPTER_KIND_CANNY, image=ref("9"))},
        ),
    ],
)
def test_a_picture_that_is_not_there_is_named_by_its_place(path, fields):
    refused(path, InvalidImage, **fields)


def test_too_many_pictures_are_refused_before_any_is_read():
    read_so_far = []

    def counted(digest):
        read_so_far.append(digest)
        return fetch(digest)

    message = pb.IPAdapter(images=[ref("1")] * (MAX_ITEMS + 1))
    refused("ip_adapter.images", ip_adapter=message, fetch=counted)
    assert not read_so_far


def test_an_operation_that_is_not_installed_is_an_unknown_name():
    catalog = dataclasses.replace(installed(), operations={}, broken=())
    with pytest.raises(UnknownName) as caught:
        message = pb.Operation(sdedit=pb.SDEdit())
        read_operation(message, catalog, PictureReader(fetch), CANVAS, "operations[2]")
    assert caught.value.field == "operations[2]" and caught.value.value == "sdedit"
