"""What can go wrong, each as one sentence that a plugin shows as it is."""

from __future__ import annotations

from typing import Any, Dict

#: A message in protobuf's JSON form.
Message = Dict[str, Any]

_FAILED, _BLOCKED = "retouch.v1.Failed", "retouch.v1.Blocked"
_RETRY = "google.rpc.RetryInfo"
#: Connect codes after which the same call may succeed.
_RETRYABLE = ("unavailable", "resource_exhausted", "aborted", "deadline_exceeded")


class RetouchError(Exception):
    """Something went wrong; ``str()`` says what and what to do."""


class NotRunning(RetouchError):
    """No daemon answers."""


class Lost(RetouchError):
    """The connection broke, and did not come back in time.

    Attributes:
        partial: what had come of the answer's body.
    """

    partial = b""


class Cancelled(RetouchError):
    """The job was cancelled; ``reason`` is "asked", "replaced" or "disconnected"."""

    def __init__(self, message: str, reason: str = "asked") -> None:
        self.reason = reason
        super().__init__(message)


class Blocked(RetouchError):
    """The gate refused.

    Attributes:
        stage: the check that refused: "prompt", "input", "detector" ...
        category: what it found.
        advice: what the person can do, one sentence.
        field_path: the field at fault; empty when it is the result.
        clause: the part of a text at fault; empty when it is not a text.
    """

    def __init__(
        self, stage: str, category: str, advice: str, field_path: str = "", clause: str = ""
    ) -> None:
        self.stage, self.category, self.advice = stage, category, advice
        self.field_path, self.clause = field_path, clause
        what = category + (f' in "{clause}"' if clause else "")
        super().__init__(f"Blocked by the {stage} check ({what}). {advice}".strip())


class Failed(RetouchError):
    """The request, the model or the daemon is at fault.

    Attributes:
        code: "invalid_field", "model_missing", "exhausted" ... ; of calls without details, and of
            a wrong token, Connect's code.
        field_path: dotted path of the field at fault, as in the request; may be empty.
        fix: what to do, one imperative clause; may be empty.
        retryable: whether the same may succeed later.
        retry_seconds: after which it may, where the daemon has said so.
        status: Connect's code of the call: "not_found", "aborted" ...; empty for a job's event.
    """

    def __init__(
        self,
        message: str,
        code: str = "",
        field_path: str = "",
        fix: str = "",
        retryable: bool = False,
        retry_seconds: float | None = None,
    ) -> None:
        self.code, self.field_path, self.fix = code, field_path, fix
        self.retryable, self.retry_seconds = retryable, retry_seconds
        self.status = ""
        super().__init__(message)


def error_of_event(event: Message) -> RetouchError | None:
    """Return the error that a job's event stands for: blocked, failed or cancelled; else None."""
    if "blocked" in event:
        return _blocked(event["blocked"])
    if "failed" in event:
        return _failed(event["failed"])
    if "cancelled" in event:
        reason = str(event["cancelled"].get("reason", "asked"))
        return Cancelled(f"The edit was cancelled ({reason}).", reason)
    return None


def error_of_answer(error: Message, status: int = 0) -> RetouchError:
    """Return the error that a Connect error stands for.

    Args:
        error: {"code", "message", "details"}; what is missing is taken from the status.
        status: of HTTP; 0 = of a stream or a WebSocket.
    """
    code = str(error.get("code") or _code_of_status(status))
    words = str(error.get("message") or f"The daemon answered with HTTP status {status}.")
    details = _details(error.get("details") or [])
    if _BLOCKED in details:
        return _blocked(details[_BLOCKED])
    found = _failure(code, words, details)
    found.status = code
    return found


def _failure(code: str, words: str, details: dict[str, Message]) -> Failed:
    if code == "unauthenticated":
        fix = "restart this program, or pair it again"
        return Failed(f"The daemon does not know this token. Fix: {fix}.", code, fix=fix)
    retry = _seconds(details.get(_RETRY, {}).get("retryDelay"))
    if _FAILED in details:
        return _failed(details[_FAILED], words, retry)
    return Failed(words, code, retryable=code in _RETRYABLE, retry_seconds=retry)


def _blocked(sent: Message) -> Blocked:
    stage = str(sent.get("stage", "")).replace("GATE_STAGE_", "").lower().replace("_", "-")
    texts = (str(sent.get(key, "")) for key in ("category", "advice", "fieldPath", "clause"))
    return Blocked(stage, *texts)


def _failed(sent: Message, words: str = "", retry: float | None = None) -> Failed:
    message = str(sent.get("message") or words or "The edit failed.")
    fix = str(sent.get("fix", ""))
    if fix and fix not in message:
        message = f"{message.rstrip('.')}. Fix: {fix}."
    code = str(sent.get("code", "")).replace("ERROR_CODE_", "").lower()
    path, retryable = str(sent.get("fieldPath", "")), bool(sent.get("retryable", False))
    return Failed(message, code, path, fix, retryable, retry)


def _details(sent: list[Message]) -> dict[str, Message]:
    """The details by their types; those that only came as bytes are left out."""
    found: dict[str, Message] = {}
    for each in sent:
        kind = str(each.get("type", "")).rpartition("/")[2]
        debug = each.get("debug")
        if isinstance(debug, dict):
            found[kind] = debug
    return found


def _seconds(duration: Any) -> float | None:
    """A duration of protobuf's JSON form: "1.5s"."""
    try:
        return float(str(duration)[:-1]) if duration else None
    except ValueError:
        return None


def _code_of_status(status: int) -> str:
    """As Connect maps them where the body says nothing."""
    known = {
        400: "internal",
        401: "unauthenticated",
        403: "permission_denied",
        404: "unimplemented",
        429: "unavailable",
        502: "unavailable",
        503: "unavailable",
        504: "unavailable",
    }
    return known.get(status, "unknown")
