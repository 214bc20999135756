"""Errors of calls in Connect's form: a code, one sentence, and typed details."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

from retouch.v1 import errors_pb2

#: gRPC's metadata with a google.rpc.Status.
_DETAILS_KEY: Final = "grpc-status-details-bin"
_OWN: Final = (
    ("retouch-failed-bin", errors_pb2.Failed),
    ("retouch-blocked-bin", errors_pb2.Blocked),
)
#: HTTP statuses of Connect's codes (connectrpc.com/docs/protocol).
STATUSES: Final = MappingProxyType(
    {
        "canceled": 499, "unknown": 500, "invalid_argument": 400, "deadline_exceeded": 504,
        "not_found": 404, "already_exists": 409, "permission_denied": 403,
        "resource_exhausted": 429, "failed_precondition": 400, "aborted": 409,
        "out_of_range": 400, "unimplemented": 501, "internal": 500, "unavailable": 503,
        "data_loss": 500, "unauthenticated": 401,
    }
)  # fmt: skip
_KINDS: Final = MappingProxyType(
    {
        "invalid_argument": errors_pb2.ERROR_CODE_INVALID_REQUEST,
        "unavailable": errors_pb2.ERROR_CODE_UNAVAILABLE,
        "resource_exhausted": errors_pb2.ERROR_CODE_EXHAUSTED,
        "deadline_exceeded": errors_pb2.ERROR_CODE_TIME_LIMIT,
        "internal": errors_pb2.ERROR_CODE_INTERNAL,
    }
)
#: Codes after which the same call may succeed.
_RETRYABLE: Final = ("unavailable", "resource_exhausted", "deadline_exceeded")


class Refused(Exception):
    """A call ends with an error.

    Args:
        code: Connect's name of it.
        words: one sentence.
        details: messages that say more.
        status: of HTTP, where it is not the code's own.
        headers: that the answer has besides.
    """

    def __init__(
        self,
        code: str,
        words: str,
        details: Iterable[AnyMessage] = (),
        *,
        status: int | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.code, self.words, self.details = code, words, tuple(details)
        self.status = STATUSES[code] if status is None else status
        self.headers = (*headers, *_retry_after(self.details))
        super().__init__(words)

    def described(self) -> dict[str, Any]:
        """Return it as Connect's JSON object."""
        details = [_described(detail) for detail in self.details]
        return {"code": self.code, "message": self.words, "details": details}

    def body(self) -> bytes:
        """Return it as the body of an answer."""
        return json.dumps(self.described(), ensure_ascii=False).encode()


def refusal(
    code: str,
    what: str,
    fix: str,
    *,
    field: str = "",
    status: int | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> Refused:
    """Return an error of the gateway's own, with the same details as the daemon's.

    Args:
        code: Connect's name of it.
        what: is wrong, without a full stop.
        fix: what to do about it, one imperative clause.
        field: at fault; empty when it is none.
        status, headers: as of :class:`Refused`.
    """
    words = f"{field + ': ' if field else ''}{what}. Fix: {fix}."
    failed = errors_pb2.Failed(
        code=_KINDS.get(code, errors_pb2.ERROR_CODE_INVALID_REQUEST),
        field_path=field,
        message=words,
        fix=fix,
        retryable=code in _RETRYABLE,
    )
    return Refused(code, words, (packed(failed),), status=status, headers=headers)


def packed(message: Message) -> AnyMessage:
    """Return a message as a detail."""
    found = AnyMessage()
    found.Pack(message)
    return found


def refusal_of(problem: Any) -> Refused:
    """Return the error of a gRPC call, ``AioRpcError`` or ``RpcError``, in Connect's form."""
    code = problem.code().name.lower().replace("cancelled", "canceled")
    words = problem.details() or ""
    details = list(_details(problem))
    if code == "unavailable" and not details:  # gRPC's own words: it reached nobody
        return refusal("unavailable", "the daemon does not answer", "try again in some seconds")
    return Refused(code if code in STATUSES else "unknown", words, details)


def _details(problem: Any) -> Iterable[AnyMessage]:
    found = {key: value for key, value in problem.trailing_metadata() or ()}
    whole = found.get(_DETAILS_KEY)
    try:
        if isinstance(whole, bytes):
            return tuple(status_pb2.Status.FromString(whole).details)
        return [
            packed(kind.FromString(value))
            for key, kind in _OWN
            if isinstance(value := found.get(key), bytes)
        ]
    except DecodeError:
        return ()


def _described(detail: AnyMessage) -> dict[str, Any]:
    name = detail.type_url.rpartition("/")[2]
    value = base64.b64encode(detail.value).rstrip(b"=").decode()
    found: dict[str, Any] = {"type": name, "value": value}
    try:
        kind = GetMessageClass(Default().FindMessageTypeByName(name))
        found["debug"] = MessageToDict(kind.FromString(detail.value))
    except (KeyError, DecodeError):
        pass  # of a newer daemon: the value is there
    return found


def _retry_after(details: Iterable[AnyMessage]) -> Iterable[tuple[str, str]]:
    for detail in details:
        retry = error_details_pb2.RetryInfo()
        if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) and detail.Unpack(retry):
            seconds = math.ceil(retry.retry_delay.ToNanoseconds() / 1e9)
            yield "retry-after", str(max(1, seconds))
