"""Errors that a daemon sends, as the exceptions that the same edit raises without one."""

from __future__ import annotations

from typing import Any, Final

import grpc
from google.rpc import error_details_pb2, status_pb2

from retouch import errors
from retouch.v1 import errors_pb2

#: Trailing metadata that carries the message.
FAILED_KEY: Final = "retouch-failed-bin"
BLOCKED_KEY: Final = "retouch-blocked-bin"
#: gRPC's own, with a google.rpc.Status: says when to come back.
DETAILS_KEY: Final = "grpc-status-details-bin"
_FIELDS: Final[dict[int, type[errors.InvalidField]]] = {
    errors_pb2.ERROR_CODE_INVALID_FIELD: errors.InvalidField,
    errors_pb2.ERROR_CODE_INVALID_IMAGE: errors.InvalidImage,
    errors_pb2.ERROR_CODE_UNKNOWN_NAME: errors.UnknownName,
}


class DaemonFailed(errors.RetouchError):
    """The daemon is not there, or is itself at fault.

    Args:
        message: what is wrong.
        retryable: whether the same may work later.

    Attributes:
        retry_seconds: after which it may, where the daemon has said so.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        self.retryable = retryable
        self.retry_seconds: float | None = None
        super().__init__(message)


def error_of(failed: errors_pb2.Failed) -> errors.RetouchError:
    """Return the exception that a message stands for."""
    if failed.code in _FIELDS:
        kind = _FIELDS[failed.code]
        return kind(failed.field_path, failed.value, failed.allowed, failed.fix)
    if failed.code == errors_pb2.ERROR_CODE_MODEL_IN_USE:
        return errors.ModelInUse(failed.value)
    plain: dict[int, type[errors.RetouchError]] = {
        errors_pb2.ERROR_CODE_INVALID_REQUEST: errors.InvalidRequest,
        errors_pb2.ERROR_CODE_CANNOT_COMBINE: errors.InvalidRequest,
        errors_pb2.ERROR_CODE_MODEL_MISSING: errors.ModelError,
        errors_pb2.ERROR_CODE_MODEL_INVALID: errors.ModelError,
    }
    if failed.code in plain:
        return plain[failed.code](failed.message)
    return DaemonFailed(failed.message, retryable=failed.retryable)


def refusal_of(blocked: errors_pb2.Blocked) -> errors.Blocked:
    """Return the gate's refusal that a message stands for."""
    stage = errors_pb2.GateStage.Name(blocked.stage).removeprefix("GATE_STAGE_")
    return errors.Blocked(
        stage.lower().replace("_", "-"),
        blocked.category,
        blocked.advice,
        score=blocked.score if blocked.HasField("score") else None,
        threshold=blocked.threshold if blocked.HasField("threshold") else None,
        field=blocked.field_path,
        clause=blocked.clause,
    )


def error_of_call(problem: grpc.RpcError, address: str) -> errors.RetouchError:
    """Return the exception that a call's status stands for."""
    pairs: Any = problem.trailing_metadata() or ()  # plain tuples of an asynchronous call
    sent: dict[str, str | bytes] = dict(pairs)
    if isinstance(message := sent.get(FAILED_KEY), bytes):
        found = error_of(errors_pb2.Failed.FromString(message))
        if isinstance(found, DaemonFailed):
            found.retry_seconds = _retry_seconds(sent.get(DETAILS_KEY))
        return found
    if isinstance(message := sent.get(BLOCKED_KEY), bytes):
        return refusal_of(errors_pb2.Blocked.FromString(message))
    code = problem.code()
    if code is grpc.StatusCode.UNAVAILABLE:
        fix = "start it with `retouch serve`"
        return DaemonFailed(f"no daemon answers at {address}. Fix: {fix}.", retryable=True)
    message = f"the daemon at {address} said {code.name}: {problem.details()}"
    return DaemonFailed(message, retryable=code is grpc.StatusCode.CANCELLED)  # it is stopping


def _retry_seconds(details: str | bytes | None) -> float | None:
    """After how many seconds a status says that the same may work; None where it does not say."""
    retry = error_details_pb2.RetryInfo()
    sent = details if isinstance(details, bytes) else b""
    for each in status_pb2.Status.FromString(sent).details:
        if each.Unpack(retry):
            return float(retry.retry_delay.ToMilliseconds() / 1000)
    return None
