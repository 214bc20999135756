"""Operations of a request: a message's fields become the parameters of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from retouch.catalog import Catalog
from retouch.errors import InvalidField
from retouch.imaging.region import Size
from retouch.operation import Operation
from retouch.parameters import MAX_ITEMS, parameters_of
from retouch.v1 import image_pb2, operation_pb2
from retouch_daemon.reading.custom_operations import ENVELOPE, parameters_in, unpacked
from retouch_daemon.reading.pictures import PictureReader

_WINDOW: Final = ("start", "stop")


def read_operation(
    message: operation_pb2.Operation,
    catalog: Catalog,
    pictures: PictureReader,
    canvas: Size,
    field: str,
) -> Operation:
    """Return the operation that a message describes.

    Args:
        message: of one technique.
        catalog: what is installed.
        pictures: reads what it refers to.
        canvas: size of the document in pixels.
        field: path of the message, for errors.

    Raises:
        InvalidField: of the operation's own checks, with the message's path.
    """
    chosen = message.WhichOneof("technique")
    if chosen is None:
        known = ", ".join(f.name for f in message.DESCRIPTOR.oneofs_by_name["technique"].fields)
        raise InvalidField(f"{field}.technique", None, known, "use one of these")
    path = f"{field}.{chosen}"
    technique: str = chosen
    if chosen == "custom":
        custom = unpacked(message.custom, path)
        technique = custom.name
        kind = catalog.operation(technique, field=f"{path}.name")
        values = parameters_in(custom, kind, pictures, canvas, path)
    else:
        kind = catalog.operation(technique, field=field)
        values = _parameters(getattr(message, technique), pictures, path)
    own = {p.name for p in parameters_of(kind)}
    for name in _WINDOW:
        if message.HasField(name):
            _refuse_unless(name in own, f"{field}.{name}", technique)
            values[name] = getattr(message, name)
    if message.HasField("region"):
        _refuse_unless("mask" in own, f"{field}.region", technique)
        values["mask"] = pictures.region(message.region, canvas, f"{field}.region")
    try:
        made = catalog.make(technique, values, field=field)
    except InvalidField as problem:
        inside = f"{path}.parameters" if chosen == "custom" else path
        place = _path(problem.field.removeprefix(f"{technique}."), field, inside)
        raise type(problem)(place, problem.value, problem.allowed, problem.fix) from problem
    _check_window(made, field)
    return made


def _path(name: str, field: str, inside: str) -> str:
    """The message's path of a parameter that an operation's own check names."""
    return f"{field}.{ENVELOPE[name]}" if name in ENVELOPE else f"{inside}.{name}"


def _check_window(made: Operation, field: str) -> None:
    start, stop = getattr(made, "start", 0.0), getattr(made, "stop", 1.0)
    if stop < start:
        fix = "let it end after it begins"
        raise InvalidField(f"{field}.stop", stop, f"start, {start:g}, to 1", fix)


def _parameters(message: Message, pictures: PictureReader, path: str) -> dict[str, Any]:
    """The fields that are set, as parameters."""
    if isinstance(message, operation_pb2.T2IAdapter):  # the one choice without a default
        _word(message.DESCRIPTOR.fields_by_name["kind"].enum_type, message.kind, f"{path}.kind")
    return {
        descriptor.name: _value(descriptor, value, pictures, f"{path}.{descriptor.name}")
        for descriptor, value in message.ListFields()
    }


def _value(descriptor: FieldDescriptor, value: Any, pictures: PictureReader, path: str) -> Any:
    if isinstance(value, image_pb2.ImageRef):
        return pictures.image(value, path)
    if isinstance(value, Mapping):
        return dict(value)
    if descriptor.is_repeated:
        items = list(value)
        if len(items) > MAX_ITEMS:  # before so many pictures are read
            allowed = f"at most {MAX_ITEMS} items"
            raise InvalidField(path, f"{len(items)} items", allowed, "leave some out")
        if items and isinstance(items[0], image_pb2.ImageRef):
            return tuple(pictures.image(ref, f"{path}[{i}]") for i, ref in enumerate(items))
        return tuple(items)
    if descriptor.enum_type is not None:
        return _word(descriptor.enum_type, value, path)
    return value


def _word(enum: EnumDescriptor | None, number: int, path: str) -> str:
    assert enum is not None
    values = enum.values_by_number
    prefix = values[0].name.removesuffix("UNSPECIFIED")
    if not number or number not in values:
        words = ", ".join(v.name for v in enum.values[1:])
        raise InvalidField(path, number, words, "use one of these")
    return values[number].name.removeprefix(prefix).lower()


def _refuse_unless(taken: bool, field: str, technique: str) -> None:
    if not taken:
        allowed = f"unset: {technique} takes none"
        raise InvalidField(field, "given", allowed, "leave it out")
