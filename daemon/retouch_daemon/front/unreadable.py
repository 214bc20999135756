"""Requests whose bytes are no message: refused by a clear error, as every other fault is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from retouch.errors import InvalidField


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands in for a request that could not be read.

    Attributes:
        problem: what is wrong with its bytes.
    """

    problem: str


def reading(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return a deserialiser that gives an Unreadable where gRPC would only say UNKNOWN."""

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError as problem:
            return Unreadable(str(problem))

    return read


def checked(request: Any) -> Any:
    """Return a request. Raises InvalidField for one that could not be read."""
    if isinstance(request, Unreadable):
        fix = "send the message of this method, with texts in UTF-8"
        raise InvalidField("request", request.problem, "a message of retouch.v1", fix)
    return request


async def checked_stream(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Yield requests. Raises as :func:`checked`."""
    async for request in requests:
        yield checked(request)
