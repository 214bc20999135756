"""Operations that travel by name, with parameters as the catalogue describes them."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Value

from retouch.errors import InvalidField
from retouch.imaging.region import Size
from retouch.operation import Operation
from retouch.parameters import MAX_ITEMS, Parameter, optional_base, parameters_of
from retouch.v1 import operation_pb2
from retouch_daemon.reading.pictures import PictureReader

#: Parameters that travel on the operation itself -> the field that they travel in.
ENVELOPE: Final = {"start": "start", "stop": "stop", "mask": "region"}


def unpacked(packed: Packed, field: str) -> operation_pb2.CustomOperation:
    """Return the operation in an Any.

    Args:
        packed: of one technique.
        field: path of it, for errors.

    Raises:
        InvalidField: another type, damaged, or without a name.
    """
    message = operation_pb2.CustomOperation()
    wanted = message.DESCRIPTOR.full_name
    try:
        fits = packed.Unpack(message)
    except DecodeError:
        fits = False
    if not fits:
        given = packed.TypeName() or "nothing"
        raise InvalidField(field, given, wanted, f"pack a {wanted} into it")
    if not message.name:
        raise InvalidField(f"{field}.name", "", "a name of the catalogue", "name the operation")
    return message


def parameters_in(
    message: operation_pb2.CustomOperation,
    kind: type[Operation],
    pictures: PictureReader,
    canvas: Size,
    field: str,
) -> dict[str, Any]:
    """Return the parameters that a message gives, by name; their ranges are checked elsewhere.

    Args:
        message: of the operation.
        kind: of the operation.
        pictures: reads what it refers to.
        canvas: size of the document in pixels.
        field: path of the message, for errors.

    Raises:
        InvalidField: of another form than the catalogue says.
    """
    known = {parameter.name: parameter for parameter in parameters_of(kind)}
    found: dict[str, Any] = {}
    for name, value in message.parameters.fields.items():
        path = f"{field}.parameters.{name}"
        _refuse_envelope(name, path)
        if value.WhichOneof("kind") != "null_value":
            found[name] = _plain(value, known.get(name), path)
    for name, images in message.images.items():
        path = f"{field}.images.{name}"
        many = name in known and typing.get_origin(optional_base(known[name].type)) is tuple
        if not 1 <= len(images.images) <= (MAX_ITEMS if many else 1):
            allowed = f"1 to {MAX_ITEMS}" if many else "1"
            raise InvalidField(path, f"{len(images.images)} pictures", allowed, "send as many")
        read = tuple(
            pictures.image(ref, f"{path}.images[{i}]") for i, ref in enumerate(images.images)
        )
        found[name] = read if many else read[0]
    for name, mask in message.masks.items():
        path = f"{field}.masks.{name}"
        _refuse_envelope(name, path)
        found[name] = pictures.mask(mask, canvas, path)
    return found


def _refuse_envelope(name: str, path: str) -> None:
    if name in ENVELOPE:
        fix = f"send it as Operation.{ENVELOPE[name]}"
        raise InvalidField(path, "given", "unset: it travels on the operation", fix)


def _plain(value: Value, known: Parameter | None, path: str) -> Any:
    chosen = value.WhichOneof("kind")
    base = None if known is None else optional_base(known.type)
    if chosen == "list_value":
        items = value.list_value.values
        if len(items) > MAX_ITEMS:
            allowed = f"at most {MAX_ITEMS} items"
            raise InvalidField(path, f"{len(items)} items", allowed, "leave some out")
        inside = typing.get_args(base)[0] if typing.get_origin(base) is tuple else None
        return tuple(_scalar(each, inside, f"{path}[{i}]") for i, each in enumerate(items))
    if chosen == "struct_value":
        if typing.get_origin(base) is not Mapping:
            raise InvalidField(path, "an object", known.allowed if known else "", "send a value")
        fields = value.struct_value.fields
        return {word: _scalar(each, float, f"{path}.{word}") for word, each in fields.items()}
    return _scalar(value, base, path)


def _scalar(value: Value, base: Any, path: str) -> Any:
    """A number, word or truth; JSON knows no whole numbers, so those that are whole become such."""
    chosen = value.WhichOneof("kind")
    if chosen not in ("number_value", "string_value", "bool_value"):
        raise InvalidField(path, chosen, "a number, a text, true or false", "send one of these")
    found = getattr(value, chosen)
    if base is int and isinstance(found, float) and found.is_integer():
        return int(found)
    return found
