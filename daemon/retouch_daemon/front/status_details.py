"""The standard details of a status (google.rpc): what failed, and when it may be tried again."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2


def status_details(
    status: grpc.StatusCode, words: str, message: Message, retry_seconds: float | None
) -> bytes:
    """Return the details of a status, for its trailing metadata.

    Args:
        status, words: of the call.
        message: our own error.
        retry_seconds: after which the same call may succeed; None where that is not known.
    """
    details: list[Message] = [message]
    if retry_seconds is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(retry_seconds * 1e9))
        details.append(retry)
    packed = []
    for detail in details:
        packed.append(Any())
        packed[-1].Pack(detail)
    found: bytes = status_pb2.Status(
        code=status.value[0], message=words, details=packed
    ).SerializeToString()
    return found
