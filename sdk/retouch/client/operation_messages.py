"""Operations as messages: parameters become the fields of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.message import Message

from retouch.client.uploads import Uploads
from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.operation import Operation
from retouch.parameters import parameters_of
from retouch.v1 import operation_pb2

_WINDOW: Final = ("start", "stop")


def message_of(operation: Operation, uploads: Uploads) -> operation_pb2.Operation:
    """Return an operation as a message; its pictures and masks are uploaded.

    Raises:
        InvalidField: a third party's, which has no message here.
    """
    message = operation_pb2.Operation()
    known = {field.name for field in message.DESCRIPTOR.oneofs_by_name["technique"].fields}
    if operation.name not in known:
        allowed = ", ".join(sorted(known - {"custom"}))
        fix = "run it without a daemon"
        raise InvalidField("operations", operation.name, allowed, fix)
    technique = getattr(message, operation.name)
    technique.SetInParent()
    for parameter in parameters_of(type(operation)):
        value = getattr(operation, parameter.name)
        if value is None:
            continue
        if isinstance(value, Mask):
            message.region.mask.CopyFrom(uploads.mask(value))
        elif parameter.name in _WINDOW:
            setattr(message, parameter.name, value)
        else:
            _set(technique, parameter.name, value, uploads)
    return message


def _set(message: Message, name: str, value: Any, uploads: Uploads) -> None:
    field = message.DESCRIPTOR.fields_by_name[name]
    if isinstance(value, Image):
        getattr(message, name).CopyFrom(uploads.image(value))
    elif isinstance(value, Mapping):
        getattr(message, name).update(value)
    elif isinstance(value, tuple):
        items = [uploads.image(each) if isinstance(each, Image) else each for each in value]
        getattr(message, name).extend(items)
    elif field.enum_type is not None:
        prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
        setattr(message, name, field.enum_type.values_by_name[prefix + value.upper()].number)
    else:
        setattr(message, name, value)
