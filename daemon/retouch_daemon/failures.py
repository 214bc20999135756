"""Errors as messages and statuses; one exception, one code, one gRPC status."""

from __future__ import annotations

from typing import Final

import grpc

from retouch import errors
from retouch.v1 import errors_pb2
from retouch_daemon.storage import errors as storage
from retouch_safety import errors as safety

_Code = errors_pb2.ErrorCode
_Status = grpc.StatusCode

#: Subclasses before their bases.
CODES: Final[tuple[tuple[type[Exception], _Code.ValueType, grpc.StatusCode], ...]] = (
    (errors.InvalidImage, _Code.ERROR_CODE_INVALID_IMAGE, _Status.INVALID_ARGUMENT),
    (errors.UnknownName, _Code.ERROR_CODE_UNKNOWN_NAME, _Status.INVALID_ARGUMENT),
    (errors.InvalidField, _Code.ERROR_CODE_INVALID_FIELD, _Status.INVALID_ARGUMENT),
    (errors.CannotCombine, _Code.ERROR_CODE_CANNOT_COMBINE, _Status.FAILED_PRECONDITION),
    (errors.InvalidRequest, _Code.ERROR_CODE_INVALID_REQUEST, _Status.INVALID_ARGUMENT),
    (errors.ModelMissing, _Code.ERROR_CODE_MODEL_MISSING, _Status.NOT_FOUND),
    (errors.ModelInvalid, _Code.ERROR_CODE_MODEL_INVALID, _Status.FAILED_PRECONDITION),
    (errors.ModelInUse, _Code.ERROR_CODE_MODEL_IN_USE, _Status.FAILED_PRECONDITION),
    (errors.ModelError, _Code.ERROR_CODE_MODEL_INVALID, _Status.FAILED_PRECONDITION),
    (errors.OperationFailed, _Code.ERROR_CODE_OPERATION_FAILED, _Status.INTERNAL),
    (errors.ForwardFailed, _Code.ERROR_CODE_FORWARD_FAILED, _Status.INTERNAL),
    (safety.InvalidInput, _Code.ERROR_CODE_INVALID_FIELD, _Status.INVALID_ARGUMENT),
    (storage.NoDigest, _Code.ERROR_CODE_INVALID_FIELD, _Status.INVALID_ARGUMENT),
    (storage.UnknownBlob, _Code.ERROR_CODE_INVALID_IMAGE, _Status.NOT_FOUND),
    (storage.UnknownJob, _Code.ERROR_CODE_INVALID_FIELD, _Status.NOT_FOUND),
    (storage.CorruptBlob, _Code.ERROR_CODE_INVALID_IMAGE, _Status.DATA_LOSS),
    (storage.WrongOffset, _Code.ERROR_CODE_INVALID_FIELD, _Status.ABORTED),
    (storage.QuotaExceeded, _Code.ERROR_CODE_EXHAUSTED, _Status.RESOURCE_EXHAUSTED),
    (storage.StorageFailed, _Code.ERROR_CODE_UNAVAILABLE, _Status.UNAVAILABLE),
)
_RETRYABLE: Final = (storage.QuotaExceeded, storage.StorageFailed, storage.WrongOffset)
_VALUE_CHARACTERS: Final = 80


def status_of(problem: Exception) -> grpc.StatusCode:
    """Return the gRPC status of an error; INTERNAL for one that nobody raises on purpose."""
    if isinstance(problem, errors.Blocked):
        return _Status.PERMISSION_DENIED
    if isinstance(problem, errors.Cancelled):
        return _Status.CANCELLED
    return next(
        (status for kind, _, status in CODES if isinstance(problem, kind)), _Status.INTERNAL
    )


def status_of_code(code: errors_pb2.ErrorCode.ValueType) -> grpc.StatusCode:
    """Return the gRPC status of an error that is a message already."""
    if code == _Code.ERROR_CODE_TIME_LIMIT:
        return _Status.DEADLINE_EXCEEDED
    return next((status for _, known, status in CODES if known == code), _Status.INTERNAL)


def failed_of(problem: Exception) -> errors_pb2.Failed:
    """Return an error as a message. What nobody raises on purpose is a fault of the daemon's."""
    code = next((code for kind, code, _ in CODES if isinstance(problem, kind)), None)
    if code is None:
        known = isinstance(problem, errors.RetouchError | storage.StorageError)
        message = str(problem) if known else f"{type(problem).__name__}: {problem}"
        return errors_pb2.Failed(
            code=_Code.ERROR_CODE_INTERNAL, message=message, fix="try again; report it if it stays"
        )
    value = getattr(problem, "value", "")
    return errors_pb2.Failed(
        code=code,
        field_path=str(getattr(problem, "field", "")),
        value=str(value)[:_VALUE_CHARACTERS],
        allowed=str(getattr(problem, "allowed", "")),
        message=str(problem),
        fix=str(getattr(problem, "fix", "")),
        operation=str(getattr(problem, "operation", "")),
        retryable=isinstance(problem, _RETRYABLE),
    )


def blocked_of(refusal: errors.Blocked) -> errors_pb2.Blocked:
    """Return a refusal of the gate as a message."""
    stage = f"GATE_STAGE_{refusal.stage.upper().replace('-', '_')}"
    known = errors_pb2.GateStage
    return errors_pb2.Blocked(
        stage=known.Value(stage) if stage in known.keys() else known.GATE_STAGE_UNSPECIFIED,  # noqa: SIM118 - an enum wrapper has no other membership
        category=refusal.category,
        score=refusal.score,
        threshold=refusal.threshold,
        advice=refusal.advice,
        field_path=refusal.field,
        clause=refusal.clause,
    )
