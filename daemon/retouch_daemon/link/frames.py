"""Frames: a kind, a few named values, and bytes. Nothing in them is ever executed.

On the wire: two lengths (big-endian, 4 and 8 bytes), the kind and the values as JSON, the bytes.
Pickle would let a worker, in which third-party operations run, give code to the front.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

_LENGTHS: Final = struct.Struct(">IQ")
HEADER_BYTES: Final = _LENGTHS.size
#: Most bytes of the values, and of what comes with them: 64 million pixels of four floats fit.
MOST_VALUES: Final = 1 << 20
MOST_PAYLOAD: Final = 2 << 30
#: Most bytes of latents that the engine hands over, of a look, and of anything else that it says.
MOST_LATENTS: Final = 512 << 20
MOST_LOOK: Final = 32 << 20
MOST_WORDS: Final = 1 << 16
#: Kind of what a worker says whenever its start has got on.
STARTING: Final = "starting"

Value: TypeAlias = "str | int | float | bool | list[str] | None"


class BrokenFrame(Exception):
    """The other side sent what is no frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message.

    Attributes:
        kind: what it is.
        values: named; JSON's plain types.
        payload: bytes that come with it.
    """

    kind: str
    values: Mapping[str, Value] = field(default_factory=dict)
    payload: bytes = b""

    def text(self, name: str) -> str:
        """Return a value that must be text. Raises BrokenFrame."""
        value = self.values.get(name)
        if not isinstance(value, str):
            raise BrokenFrame(f"{self.kind}.{name} is {value!r}, not text")
        return value

    def number(self, name: str) -> int:
        """Return a value that must be a whole number of at least 0. Raises BrokenFrame."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise BrokenFrame(f"{self.kind}.{name} is {value!r}, not a whole number")
        return value

    def texts(self, name: str) -> Sequence[str]:
        """Return a value that must be a list of texts. Raises BrokenFrame."""
        value = self.values.get(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise BrokenFrame(f"{self.kind}.{name} is {value!r}, not a list of texts")
        return value


def packed(frame: Frame) -> bytes:
    """Return what goes over the wire before the payload."""
    values = json.dumps({**frame.values, "kind": frame.kind}).encode()
    return _LENGTHS.pack(len(values), len(frame.payload)) + values


def lengths(header: bytes) -> tuple[int, int]:
    """Return the lengths of the values and of the payload. Raises BrokenFrame."""
    values, payload = _LENGTHS.unpack(header)
    if values > MOST_VALUES or payload > MOST_PAYLOAD:
        raise BrokenFrame(f"a frame of {values} and {payload} bytes")
    return values, payload


def unpacked(values: bytes, payload: bytes) -> Frame:
    """Return the frame of its two parts. Raises BrokenFrame."""
    try:
        known = json.loads(values)
        kind = known.pop("kind")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as problem:
        raise BrokenFrame(f"no frame: {problem}") from problem
    if not isinstance(kind, str):
        raise BrokenFrame(f"a frame of kind {kind!r}")
    return Frame(kind, known, payload)
