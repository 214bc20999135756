"""Messages as bytes: protobuf's JSON or binary form, alone or in Connect's envelopes."""

from __future__ import annotations

import enum
import struct
from typing import Final

from google.protobuf.json_format import MessageToJson, Parse, ParseError
from google.protobuf.message import DecodeError, Message

from retouch_bridge.gateway.refusals import refusal

#: Flags of an envelope: compressed, and the last one of a stream.
COMPRESSED: Final = 1
LAST: Final = 2
_HEAD: Final = struct.Struct(">BI")


class Form(enum.Enum):
    """How a message is written."""

    JSON = "json"
    PROTO = "proto"

    def read(self, kind: type[Message], data: bytes) -> Message:
        """Return the message that bytes are. Raises Refused: they are none."""
        message = kind()
        name = kind.DESCRIPTOR.full_name
        try:
            if self is Form.PROTO:
                message.ParseFromString(data)
            else:
                Parse(data or b"{}", message)
        except (ParseError, DecodeError, UnicodeDecodeError, RecursionError) as problem:
            words = " ".join(str(problem).split())[:300] or type(problem).__name__
            what = f"{words.rstrip('.')} (this is not {name} as {self.value})"
            fix = f"send {name} in protobuf's {self.value} form"
            raise refusal("invalid_argument", what, fix, field="request") from problem
        return message

    def write(self, message: Message) -> bytes:
        """Return a message as bytes."""
        if self is Form.PROTO:
            return message.SerializeToString()
        return MessageToJson(message, indent=None, ensure_ascii=False).encode()


def enveloped(flags: int, data: bytes) -> bytes:
    """Return one frame of a stream."""
    return _HEAD.pack(flags, len(data)) + data


def only_envelope(data: bytes) -> bytes:
    """Return what is in the one frame of a request. Raises Refused: it is not exactly one."""
    fix = "send one frame: a flag byte 0, the length as a big-endian uint32, the message"
    if len(data) < _HEAD.size:
        what = f"{len(data)} bytes are no frame"
        raise refusal("invalid_argument", what, fix, field="request")
    flags, length = _HEAD.unpack_from(data)
    if flags != 0:
        what = f"the frame has the flags {flags}; allowed: 0"
        code = "unimplemented" if flags & COMPRESSED else "invalid_argument"
        raise refusal(code, what, fix, field="request")
    if length != len(data) - _HEAD.size:
        what = f"the frame says {length} bytes, {len(data) - _HEAD.size} follow"
        raise refusal("invalid_argument", what, fix, field="request")
    return data[_HEAD.size :]
