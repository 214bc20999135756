"""Operations of a request: each message is the operation that its fields say."""

import dataclasses

import numpy as np
import pytest

from retouch.catalog import installed
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Rect, Size
from retouch.v1 import image_pb2, mask_pb2
from retouch.v1 import operation_pb2 as pb
from retouch_daemon.reading.operations import read_operation
from retouch_daemon.reading.pictures import PictureReader
from retouch_plugins.best_of import BestOf
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask
from retouch_plugins.t2i_adapter import T2IAdapter

CANVAS = Size(8, 6)
PICTURES = {
    digest * 64: np.random.default_rng(int(digest)).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    for digest in "12"
}
FIRST, SECOND = (Image(pixels) for pixels in PICTURES.values())


def ref(digit):
    size = image_pb2.Size(width=5, height=4)
    raw = image_pb2.RawLayout(
        size=size,
        channel_order=image_pb2.CHANNEL_ORDER_RGB,
        sample_type=image_pb2.SAMPLE_TYPE_UINT8,
    )
    return image_pb2.ImageRef(sha256=digit * 64, raw=raw)


def read(**fields):
    pictures = PictureReader(lambda digest: PICTURES[digest].tobytes())
    return read_operation(pb.Operation(**fields), installed(), pictures, CANVAS, "operations[2]")


def assert_equal(found, wanted):
    """As ``==``, with pictures and masks by what they show."""
    assert type(found) is type(wanted)
    for field in dataclasses.fields(wanted):
        pair = getattr(found, field.name), getattr(wanted, field.name)
        assert shown(pair[0]) == shown(pair[1]), field.name


def shown(value):
    if isinstance(value, tuple):
        return tuple(shown(item) for item in value)
    if isinstance(value, Image):
        return value.pixels.shape, value.pixels.tobytes()
    return value.strength.tobytes() if isinstance(value, Mask) else (type(value), value)


REGION = {"region": mask_pb2.Region(rect=image_pb2.Rect(x=-1, y=2, width=4, height=3))}
INSIDE = Mask.rectangle(CANVAS, Rect(-1, 2, 4, 3))
WINDOW = {"start": 0.125, "stop": 0.75}
PROMPTS = {
    "source_prompt": "a cat",
    "cross_start": 0.125,
    "cross_stop": 0.5,
    "self_start": 0.25,
    "self_stop": 0.375,
    "words": {"dog": 2.0, "red": -1.5},
    "blend_threshold": 0.5,
    "blend_start": 0.75,
}
#: Message with every field set, the operation made directly.
EVERY_FIELD = {
    "guidance": (
        {"guidance": pb.Guidance(scale=3.5, rescale=0.25)} | WINDOW,
        Guidance(scale=3.5, rescale=0.25, **WINDOW),
    ),
    "sdedit": (
        {"sdedit": pb.SDEdit(strength=0.25, repeats=3)},
        SDEdit(strength=0.25, repeats=3),
    ),
    "instruct_pix2pix": (
        {"instruct_pix2pix": pb.InstructPix2Pix(text_scale=4.5, image_scale=2.5)},
        InstructPix2Pix(text_scale=4.5, image_scale=2.5),
    ),
    "soft_mask": (
        {"soft_mask": pb.SoftMask(strength=0.5, method=pb.SOFT_MASK_METHOD_BLEND)},
        SoftMask(strength=0.5, method="blend"),
    ),
    "prompt_to_prompt": (
        {
            "prompt_to_prompt": pb.PromptToPrompt(
                mode=pb.PROMPT_TO_PROMPT_MODE_REFINE,
                blend_words=["dog", "red"],
                invert=False,
                **PROMPTS,
            )
        },
        PromptToPrompt(mode="refine", blend_words=("dog", "red"), invert=False, **PROMPTS),
    ),
    "ip_adapter": (
        {
            "ip_adapter": pb.IPAdapter(
                images=[ref("2"), ref("1")],
                weights=[0.5, 2.0],
                scale=1.5,
                layers=pb.IP_ADAPTER_LAYERS_STYLE,
                model="faces",
            )
        }
        | REGION
        | WINDOW,
        IPAdapter(
            images=(SECOND, FIRST),
            weights=(0.5, 2.0),
            scale=1.5,
            layers="style",
            model="faces",
            mask=INSIDE,
            **WINDOW,
        ),
    ),
    "t2i_adapter": (
        {
            "t2i_adapter": pb.T2IAdapter(
                kind=pb.T2I_ADAPTER_KIND_DEPTH,
                image=ref("1"),
                preprocess=False,
                scale=0.5,
                model="depths",
                guided=True,
            )
        }
        | REGION
        | WINDOW,
        T2IAdapter(
            kind="depth",
            image=FIRST,
            preprocess=False,
            scale=0.5,
            model="depths",
            guided=True,
            mask=INSIDE,
            **WINDOW,
        ),
    ),
    "best_of": ({"best_of": pb.BestOf(n=7, model="clip")}, BestOf(n=7, model="clip")),
}
#: Message with only what is required, the operation made directly.
ONLY_REQUIRED = {
    "guidance": (pb.Guidance(), Guidance()),
    "sdedit": (pb.SDEdit(), SDEdit()),
    "instruct_pix2pix": (pb.InstructPix2Pix(), InstructPix2Pix()),
    "soft_mask": (pb.SoftMask(), SoftMask()),
    "prompt_to_prompt": (
        pb.PromptToPrompt(source_prompt="a cat"),
        PromptToPrompt(source_prompt="a cat"),
    ),
    "ip_adapter": (pb.IPAdapter(images=[ref("1")]), IPAdapter(images=(FIRST,))),
    "t2i_adapter": (pb.T2IAdapter(kind=pb.T2I_ADAPTER_KIND_COLOR), T2IAdapter(kind="color")),
    "best_of": (pb.BestOf(), BestOf()),
}
BUILT_IN = [f.name for f in pb.Operation.DESCRIPTOR.oneofs_by_name["technique"].fields[:-1]]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_field_reaches_the_operation(name):
    fields, wanted = EVERY_FIELD[name]
    message = fields[name]
    unset = {known.name for known in message.DESCRIPTOR.fields}
    assert not unset - {known.name for known, _ in message.ListFields()}, "set every field"
    assert_equal(read(**fields), wanted)
    for known in dataclasses.fields(wanted):
        assert shown(getattr(wanted, known.name)) != shown(known.default), known.name


@pytest.mark.parametrize("name", BUILT_IN)
def test_fields_that_are_not_set_keep_the_defaults(name):
    message, wanted = ONLY_REQUIRED[name]
    assert_equal(read(**{name: message}), wanted)


def test_a_value_of_zero_or_false_is_no_default():
    assert read(guidance=pb.Guidance(scale=0.0)).scale == 0.0
    assert read(sdedit=pb.SDEdit(strength=0.0)).strength == 0.0
    kind = pb.T2I_ADAPTER_KIND_CANNY
    made = read(t2i_adapter=pb.T2IAdapter(kind=kind, scale=0.0, guided=False), stop=0.0)
    assert (made.scale, made.guided, made.stop) == (0.0, False, 0.0)


CHOICES = [
    (name, field.name, value)
    for name in BUILT_IN
    for field in pb.Operation.DESCRIPTOR.fields_by_name[name].message_type.fields
    if field.enum_type is not None
    for value in field.enum_type.values[1:]
]


@pytest.mark.parametrize(("name", "field", "value"), CHOICES)
def test_every_choice_has_its_word(name, field, value):
    message = type(EVERY_FIELD[name][0][name])()
    message.CopyFrom(EVERY_FIELD[name][0][name])
    setattr(message, field, value.number)
    made = read(**EVERY_FIELD[name][0] | {name: message})
    assert value.name.lower().endswith(f"_{getattr(made, field)}")
