"""Operations as messages: parameters become the fields of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.message import Message

from retouch.client.uploads import Uploads
from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.operation import Operation
from retouch.parameters import parameters_of
from retouch.v1 import operation_pb2

_WINDOW: Final = ("start", "stop")


@dataclass(frozen=True, eq=False)
class NamedOperation:
    """An operation of the daemon's catalogue that need not be installed on this side.

    Attributes:
        name: in the catalogue.
        parameters: by name, as the catalogue describes them: numbers, texts, truths, lists and maps
            of them, ``Image`` and ``Mask``. ``start``, ``stop`` and ``mask`` are among them where
            the operation takes a window or a region.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def message_of(operation: Operation | NamedOperation, uploads: Uploads) -> operation_pb2.Operation:
    """Return an operation as a message; its pictures and masks are uploaded.

    Raises:
        InvalidField: a value that no message can hold.
    """
    if isinstance(operation, NamedOperation):
        return _custom(operation.name, operation.parameters, uploads)
    values = {known.name: getattr(operation, known.name) for known in _known(operation)}
    message = operation_pb2.Operation()
    own = {each.name for each in message.DESCRIPTOR.oneofs_by_name["technique"].fields}
    if operation.name not in own:  # a third party's
        return _custom(operation.name, values, uploads)
    technique = getattr(message, operation.name)
    technique.SetInParent()
    for name, value in values.items():
        if value is not None and not _on_envelope(message, name, value, uploads):
            _set(technique, name, value, uploads)
    return message


def _known(operation: Operation) -> tuple[Any, ...]:
    return parameters_of(type(operation))


def _on_envelope(message: operation_pb2.Operation, name: str, value: Any, uploads: Uploads) -> bool:
    """Set what travels on the operation itself; return whether it does."""
    if name == "mask" and isinstance(value, Mask):
        message.region.mask.CopyFrom(uploads.mask(value))
    elif name in _WINDOW:
        setattr(message, name, value)
    else:
        return False
    return True


def _custom(name: str, parameters: Mapping[str, Any], uploads: Uploads) -> operation_pb2.Operation:
    message = operation_pb2.Operation()
    custom = operation_pb2.CustomOperation(name=name)
    for key, value in parameters.items():
        if value is None or _on_envelope(message, key, value, uploads):
            continue
        images = value if isinstance(value, tuple | list) else (value,)
        if images and all(isinstance(each, Image) for each in images):
            custom.images[key].images.extend(uploads.image(each) for each in images)
        elif isinstance(value, Mask):
            custom.masks[key].CopyFrom(uploads.mask(value))
        else:
            _set_plain(custom, key, value)
    message.custom.Pack(custom)
    return message


def _set_plain(custom: operation_pb2.CustomOperation, key: str, value: Any) -> None:
    plain = list(value) if isinstance(value, tuple) else value
    try:
        custom.parameters.update({key: dict(plain) if isinstance(plain, Mapping) else plain})
    except ValueError:
        allowed = "numbers, texts, truths, pictures, masks, and lists or maps of them"
        field_name = f"{custom.name}.{key}"
        raise InvalidField(field_name, type(value).__name__, allowed, "use one of these") from None


def _set(message: Message, name: str, value: Any, uploads: Uploads) -> None:
    described = message.DESCRIPTOR.fields_by_name[name]
    if isinstance(value, Image):
        getattr(message, name).CopyFrom(uploads.image(value))
    elif isinstance(value, Mapping):
        getattr(message, name).update(value)
    elif isinstance(value, tuple):
        items = [uploads.image(each) if isinstance(each, Image) else each for each in value]
        getattr(message, name).extend(items)
    elif described.enum_type is not None:
        prefix = described.enum_type.values[0].name.removesuffix("UNSPECIFIED")
        word = described.enum_type.values_by_name[prefix + value.upper()]
        setattr(message, name, word.number)
    else:
        setattr(message, name, value)
