"""Operations that travel by name: what the catalogue describes is what can be sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.wrappers_pb2 import StringValue

from retouch.catalog import Catalog, installed
from retouch.client.operation_messages import NamedOperation, message_of
from retouch.client.uploads import Uploads
from retouch.errors import InvalidField, UnknownName
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Rect, Size
from retouch.operation import Operation, Stage
from retouch.parameters import parameter
from retouch.v1 import image_pb2
from retouch.v1 import operation_pb2 as pb
from retouch_daemon.reading.operations import read_operation
from retouch_daemon.reading.pictures import PictureReader
from retouch_plugins.sdedit import SDEdit

CANVAS = Size(8, 6)
PICTURE = Image(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8))
WHERE = Mask.rectangle(CANVAS, Rect(1, 1, 3, 2))


@dataclass(frozen=True, kw_only=True)
class Everything(Operation):
    """A third party's operation with a parameter of every kind."""

    name: ClassVar[str] = "everything"
    stage: ClassVar[Stage] = Stage.CONDITION
    summary: ClassVar[str] = "All there is"
    source: ClassVar[str] = "none"

    amount: float = parameter(0.5, "How much.", low=0.0, high=1.0)
    times: int = parameter(1, "How often.", low=1, high=9)
    bright: bool = parameter(False, "Whether.")
    words: str = parameter("", "What.")
    way: Literal["this", "that"] = parameter("this", "Which.")
    levels: tuple[float, ...] = parameter((), "Some numbers.")
    counts: tuple[int, ...] = parameter((), "Some whole numbers.")
    tags: tuple[str, ...] = parameter((), "Some words.")
    weights: Mapping[str, float] | None = parameter(None, "Words with numbers.")
    look: Image | None = parameter(None, "A picture.")  # noqa: RUF009
    looks: tuple[Image, ...] = parameter((), "Pictures.")
    spot: Mask | None = parameter(None, "Another place.")  # noqa: RUF009
    mask: Mask | None = parameter(None, "A place.", aligned=True)  # noqa: RUF009
    start: float = parameter(0.0, "From.", low=0.0, high=1.0)
    stop: float = parameter(1.0, "To.", low=0.0, high=1.0)


CATALOG = Catalog(
    MappingProxyType({**installed().operations, "everything": Everything}),
    MappingProxyType({**installed().packages, "everything": "theirs"}),
    (),
)


def read(message, uploads=None):
    fetch = (uploads or Uploads()).pending.__getitem__
    return read_operation(message, CATALOG, PictureReader(fetch), CANVAS, "operations[0]")


def sent(**parameters):
    """What arrives of an operation that a client names."""
    uploads = Uploads()
    return read(message_of(NamedOperation("everything", parameters), uploads), uploads)


def refused(kind=InvalidField, **parameters):
    with pytest.raises(kind) as caught:
        sent(**parameters)
    assert caught.value.fix
    return caught.value.field


GIVEN = {
    "amount": 0.25, "times": 3, "bright": True, "words": "a tree", "way": "that",
    "levels": (0.5, 2.0), "counts": (1, 2), "tags": ("a", "b"), "weights": {"red": 2.0},
    "start": 0.25, "stop": 0.75,
}  # fmt: skip


def test_every_kind_of_parameter_arrives_as_it_was_sent():
    pictures = {"look": PICTURE, "looks": (PICTURE, PICTURE), "spot": WHERE, "mask": WHERE}
    found = sent(**GIVEN, **pictures)
    for name, value in GIVEN.items():
        arrived = getattr(found, name)
        assert arrived == value and type(arrived) is type(value), name
    assert (found.look.pixels == PICTURE.pixels).all() and len(found.looks) == 2
    for name in ("spot", "mask"):
        assert (getattr(found, name).strength == WHERE.strength).all()


def test_what_is_not_sent_takes_its_default():
    assert sent() == Everything()
    assert sent(words=None).words == ""


def test_whole_numbers_stay_whole():
    found = sent(times=4, counts=(7,))
    assert type(found.times) is int and type(found.counts[0]) is int


def test_an_instance_travels_as_well_as_its_name():
    uploads = Uploads()
    message = message_of(Everything(**GIVEN, look=PICTURE), uploads)
    assert message.WhichOneof("technique") == "custom"
    found = read(message, uploads)
    assert {name: getattr(found, name) for name in GIVEN} == GIVEN
    assert (found.look.pixels == PICTURE.pixels).all()


def test_a_built_in_operation_may_travel_by_its_name_too():
    uploads = Uploads()
    message = message_of(NamedOperation("sdedit", {"strength": 0.25, "repeats": 2}), uploads)
    assert read(message) == SDEdit(strength=0.25, repeats=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", 1.5),
        ("amount", "much"),
        ("times", 2.5),
        ("bright", 1.0),
        ("words", True),
        ("way", "other"),
        ("counts", (0.5,)),
        ("tags", (1.0,)),
        ("weights", (1.0,)),
        ("amount", {"a": 1.0}),
        ("look", 3.0),
        ("levels", tuple(float(n) for n in range(65))),
    ],
)
def test_a_bad_value_is_named_by_its_place_in_the_message(name, value):
    assert refused(**{name: value}).startswith(f"operations[0].custom.parameters.{name}")


def test_an_unknown_parameter_or_operation_is_named():
    assert refused(UnknownName, absent=1.0) == "operations[0].custom.parameters.absent"
    with pytest.raises(UnknownName) as caught:
        read(message_of(NamedOperation("absent"), Uploads()))
    assert caught.value.field == "operations[0].custom.name"
    assert "sdedit" in caught.value.allowed


def test_what_travels_on_the_operation_is_not_taken_twice():
    custom = pb.CustomOperation(name="everything")
    custom.parameters["start"] = 0.5
    message = pb.Operation()
    message.custom.Pack(custom)
    with pytest.raises(InvalidField, match=r"Operation\.start"):
        read(message)


def test_a_single_picture_is_single():
    custom = pb.CustomOperation(name="everything")
    custom.images["look"].images.extend([image_pb2.ImageRef(), image_pb2.ImageRef()])
    message = pb.Operation()
    message.custom.Pack(custom)
    with pytest.raises(InvalidField) as caught:
        read(message)
    assert (caught.value.field, caught.value.allowed) == ("operations[0].custom.images.look", "1")


@pytest.mark.parametrize(
    "packed", [Any(), Any(type_url="example.com/x.Y", value=b"z")], ids=["empty", "unknown"]
)
def test_another_type_is_refused(packed):
    with pytest.raises(InvalidField, match="CustomOperation") as caught:
        read(pb.Operation(custom=packed))
    assert caught.value.field == "operations[0].custom"


def test_another_message_of_protobuf_is_refused():
    message = pb.Operation()
    message.custom.Pack(StringValue(value="sdedit"))
    with pytest.raises(InvalidField, match="StringValue"):
        read(message)


def test_a_nameless_one_is_refused():
    message = pb.Operation()
    message.custom.Pack(pb.CustomOperation())
    with pytest.raises(InvalidField, match=r"custom\.name"):
        read(message)


def test_what_no_message_can_hold_is_refused_before_it_is_sent():
    with pytest.raises(InvalidField, match=r"everything\.words"):
        message_of(NamedOperation("everything", {"words": object()}), Uploads())
