"""What the contract's comments say of defaults and limits is what is accepted."""

import re
from pathlib import Path

import pytest

from retouch.catalog import installed
from retouch.errors import InvalidField
from retouch.imaging.region import Size
from retouch.sampling.schedulers import MOST_STEPS
from retouch.v1 import edit_pb2, image_pb2, mask_pb2, sampling_pb2
from retouch.v1 import operation_pb2 as pb
from retouch_daemon.reading.operations import read_operation
from retouch_daemon.reading.pictures import PictureReader
from retouch_daemon.reading.requests import read_request

CONTRACT = Path(__file__).resolve().parents[2] / "proto/retouch/v1"
NUMBER = r"-?\d+(?:\.\d+)?"
RANGE = re.compile(rf"({NUMBER}) to ({NUMBER})(?:\^(\d+) - 1)?")
ROW = image_pb2.RawLayout(
    size=image_pb2.Size(width=2, height=1),
    channel_order=image_pb2.CHANNEL_ORDER_RGB,
    sample_type=image_pb2.SAMPLE_TYPE_UINT8,
)
PICTURE = image_pb2.ImageRef(sha256="a" * 64, raw=ROW)


def fetch(digest):
    return bytes(2 * 3)


def comments(file, message):
    """Comment of every field of a message, by name."""
    text = (CONTRACT / f"{file}.proto").read_text(encoding="utf-8")
    body = re.search(rf"^message {message} \{{\n(.*?)^\}}", text, re.M | re.S)[1]
    found, lines = {}, []
    for line in body.splitlines():
        if line.strip().startswith("//"):
            lines.append(line.strip()[2:].strip())
        elif named := re.search(r"(\w+) = \d+;", line):
            found[named[1]], lines = " ".join(lines), []
    return found


def limits(file, message, field):
    """Lowest and highest value that a comment allows."""
    low, high, power = RANGE.search(comments(file, message)[field]).groups()
    return float(low), int(high) ** int(power) - 1 if power else float(high)


def accepted(make, value):
    """Whether a request with this value is taken; a refusal must be of this field."""
    path, fields = make(value)
    source = {"canvas": edit_pb2.Canvas(source=PICTURE)}
    try:
        read_request(edit_pb2.EditRequest(**source | fields), installed(), fetch)
    except InvalidField as problem:
        assert problem.field == path
        return False
    return True


# --- requests ----------------------------------------------------------------------------------


def mask(**fields):
    white = mask_pb2.MASK_POLARITY_EDIT_WHITE
    return {"mask": mask_pb2.Mask(image=PICTURE, polarity=white, **fields)}


def context(**fields):
    policy = edit_pb2.ContextPolicy(**fields)
    return {"canvas": edit_pb2.Canvas(source=PICTURE, context=policy)}


def output(**fields):
    return {"output": edit_pb2.Output(**fields)}


def whole(**fields):
    return output(delivery=edit_pb2.DELIVERY_COMPOSITED, **fields)


def preview(**fields):
    return output(preview=edit_pb2.PreviewPolicy(**fields))


def characters(count):
    return "\u00e4" * int(count)


#: File, message and field -> path and request of a value; the step beyond the limits.
FIELDS = {
    "mask Mask grow_px": (lambda v: ("mask.grow_px", mask(grow_px=v)), 0.01),
    "mask Mask feather_px": (lambda v: ("mask.feather_px", mask(feather_px=v)), 0.01),
    "edit ContextPolicy padding_fraction": (
        lambda v: ("canvas.context.padding_fraction", context(padding_fraction=v)),
        0.01,
    ),
    "edit ContextPolicy padding_px": (
        lambda v: ("canvas.context.padding_px", context(padding_px=int(v))),
        1,
    ),
    "edit Prompt text": (
        lambda v: ("prompt.text", {"prompt": edit_pb2.Prompt(text=characters(v))}),
        1,
    ),
    "edit Prompt negative": (
        lambda v: ("prompt.negative", {"prompt": edit_pb2.Prompt(negative=characters(v))}),
        1,
    ),
    "edit Output count": (lambda v: ("output.count", output(count=int(v))), 1),
    "edit PreviewPolicy every_steps": (
        lambda v: ("output.preview.every_steps", preview(every_steps=int(v))),
        1,
    ),
    "edit PreviewPolicy max_side_px": (
        lambda v: ("output.preview.max_side_px", preview(max_side_px=int(v))),
        1,
    ),
    "sampling Sampling seeds": (
        lambda v: ("sampling.seeds", {"sampling": sampling_pb2.Sampling(seeds=[int(v)])}),
        1,
    ),
}
#: Where 0 means the default, although the lowest value is another.
ZERO_IS_DEFAULT = ("count", "every_steps", "max_side_px")


@pytest.mark.parametrize("name", FIELDS)
def test_a_request_takes_just_what_the_contract_says(name):
    make, step = FIELDS[name]
    low, high = limits(*name.split())
    assert accepted(make, low) and accepted(make, high)
    assert not accepted(make, high + step)
    below = low - step
    field = name.split()[-1]
    if field in ZERO_IS_DEFAULT:
        assert accepted(make, 0)
        assert below == 0 or not accepted(make, below)
    elif below >= 0 or step < 1:  # what an unsigned field or a text can hold
        assert not accepted(make, below)


def test_steps_go_as_far_as_the_catalogue_says_within_the_contract():
    def steps(count):
        return "sampling.steps", {"sampling": sampling_pb2.Sampling(steps=count)}

    low, high = limits("sampling", "Sampling", "steps")
    assert low == 1 and high >= MOST_STEPS
    assert accepted(steps, 1) and accepted(steps, MOST_STEPS)
    assert not accepted(steps, 0) and not accepted(steps, MOST_STEPS + 1)


def test_as_many_operations_as_the_contract_says():
    most = int(re.search(r"at most (\d+)", comments("edit", "EditRequest")["operations"])[1])
    color = pb.T2IAdapter(kind=pb.T2I_ADAPTER_KIND_COLOR)

    def operations(count):
        return "operations", {"operations": [pb.Operation(t2i_adapter=color)] * count}

    assert accepted(operations, 0) and accepted(operations, most)
    assert not accepted(operations, most + 1)


@pytest.mark.parametrize("field", ["count", "delivery", "media_type"])
def test_an_output_that_is_not_described_is_the_one_of_the_comments(field):
    said = comments("edit", "Output")[field]
    request = read_request(
        edit_pb2.EditRequest(canvas=edit_pb2.Canvas(source=PICTURE)), installed(), fetch
    )
    if field == "count":
        assert "0 = 1." in said and request.variants == 1
    elif field == "delivery":
        assert "Unspecified = patch." in said and request.output == "patch"
    else:
        named = re.findall(r"(?:image|application)/[\w-]+", said.split("Empty")[0])
        for media_type in named:
            assert accepted(lambda v: ("output.media_type", whole(media_type=v)), media_type)


# --- operations --------------------------------------------------------------------------------

REQUIRED = {
    "prompt_to_prompt": {"source_prompt": "a cat"},
    "ip_adapter": {"images": [PICTURE]},
    "t2i_adapter": {"kind": pb.T2I_ADAPTER_KIND_CANNY},
}
TECHNIQUES = pb.Operation.DESCRIPTOR.oneofs_by_name["technique"].fields[:-1]
SAID = {
    (technique.name, field): comment
    for technique in TECHNIQUES
    for field, comment in comments("operation", technique.message_type.name).items()
}
RANGES = [key for key, said in SAID.items() if re.search(rf"Range {NUMBER} to {NUMBER}", said)]
DEFAULTS = [key for key, said in SAID.items() if re.search(r"[Dd]efault (\d|true|false)", said)]


def read(technique, **fields):
    kind = pb.Operation.DESCRIPTOR.fields_by_name[technique].message_type
    message = getattr(pb, kind.name)(**REQUIRED.get(technique, {}) | fields)
    operation = pb.Operation(**{technique: message})
    return read_operation(operation, installed(), PictureReader(fetch), Size(2, 1), "operations[0]")


def is_taken(technique, field, value):
    try:
        read(technique, **{field: value})
    except InvalidField as problem:
        assert problem.field.startswith(f"operations[0].{technique}.{field}")
        return False
    return True


def test_the_comments_have_ranges_and_defaults():
    assert len(RANGES) >= 15 and len(DEFAULTS) >= 13


@pytest.mark.parametrize(("technique", "field"), RANGES)
def test_an_operation_takes_just_what_the_contract_says(technique, field):
    kind = pb.Operation.DESCRIPTOR.fields_by_name[technique].message_type
    whole = kind.fields_by_name[field].cpp_type == kind.fields_by_name[field].CPPTYPE_UINT32
    number, step = (int, 1) if whole else (float, 0.01)
    low, high = (number(limit) for limit in RANGE.search(SAID[technique, field]).groups()[:2])
    assert is_taken(technique, field, low) and is_taken(technique, field, high)
    assert not is_taken(technique, field, high + step)
    assert not is_taken(technique, field, low - step)


@pytest.mark.parametrize(("technique", "field"), DEFAULTS)
def test_an_unset_field_has_the_default_of_the_contract(technique, field):
    said = re.search(rf"[Dd]efault ({NUMBER}|true|false)", SAID[technique, field])[1]
    made = getattr(read(technique), field)
    if field == "invert":  # unset: inverts where there is a picture, as there always is here
        assert said == "true" and made is None
    else:
        assert made == {"true": True, "false": False}.get(said, made) == made
        assert said in ("true", "false") or float(said) == made


@pytest.mark.parametrize(
    ("technique", "field", "values", "said"),
    [
        ("prompt_to_prompt", "words", [{"a": -10}, {"a": 10}], "each -10 to 10"),
        ("ip_adapter", "weights", [[0], [10]], "each 0 to 10"),
    ],
)
def test_every_number_of_a_list_or_map_has_its_range(technique, field, values, said):
    assert said in SAID[technique, field]
    beyond = {"words": [{"a": -10.01}, {"a": 10.01}], "weights": [[-0.01], [10.01]]}[field]
    assert all(is_taken(technique, field, value) for value in values)
    assert not any(is_taken(technique, field, value) for value in beyond)


@pytest.mark.parametrize("count", [1, 16])
def test_reference_pictures_are_one_to_sixteen(count):
    assert SAID["ip_adapter", "images"].startswith("One to 16")
    assert is_taken("ip_adapter", "images", [PICTURE] * count)
    assert not is_taken("ip_adapter", "images", [PICTURE] * (0 if count == 1 else count + 1))


def test_the_description_of_the_source_has_its_length():
    low, high = limits("operation", "PromptToPrompt", "source_prompt")
    for count, taken in ((low - 1, False), (low, True), (high, True), (high + 1, False)):
        assert is_taken("prompt_to_prompt", "source_prompt", characters(count)) is taken
