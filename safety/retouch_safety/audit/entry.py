"""What one record says. There is no room for free text: a prompt cannot get in by accident."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from numbers import Real
from typing import Any, Final

from retouch_safety.audit.errors import InvalidAudit
from retouch_safety.audit.key_file import AuditKey

_WORD: Final = re.compile(r"[\w.,:/+@=#-]{0,200}", re.ASCII)
_NAME: Final = re.compile(r"[\w.,:/+@=# -]{1,80}", re.ASCII)
_MOST: Final = 200
_RECORDS: Final = 1 << 32


class Event(StrEnum):
    """What happened."""

    RELEASED = "released"  # the gate let a picture out
    REFUSED = "refused"  # a check said no
    FAILED = "failed"  # a check broke, and so said no
    SIGNED = "signed"  # an export was signed again
    TORN = "torn"  # the log itself: an interrupted write was set aside


@dataclass(frozen=True)
class Entry:
    """One record, before it is written.

    Attributes:
        event: what happened.
        job: id of the request.
        record: 32-bit record id of the picture, None without one.
        stage: of a refusal: the check that said no.
        category: of a refusal: what was found.
        score: of a refusal: what was compared, None without one.
        threshold: of a refusal: from where on it refuses, None without one.
        policy: name or digest of the policy.
        model: name or digest of the model.
        mark: how the picture carries its id.
        digest: SHA-256 of the pixels.
        fingerprint: perceptual hash of the pixels.
        error: type of the exception when a check broke; never its text.
        scores: name of the score -> value; NaN and infinity are kept as words.
        prompts: name of the field -> prompt. Only their HMAC is written.

    Raises:
        InvalidAudit: text where an identifier is expected, or too much of it.
    """

    event: Event
    job: str = ""
    record: int | None = None
    stage: str = ""
    category: str = ""
    score: float | None = None
    threshold: float | None = None
    policy: str = ""
    model: str = ""
    mark: str = ""
    digest: str = ""
    fingerprint: str = ""
    error: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in ("job", "stage", "policy", "model", "mark", "digest", "fingerprint", "error"):
            _check(f"entry.{name}", getattr(self, name), _WORD, "up to 200 characters of an id")
        if self.category:
            _check("entry.category", self.category, _NAME, "up to 80 characters of a name")
        for name, value in self._numbers():
            if not isinstance(value, Real):
                fix = "pass what the detector returned"
                raise InvalidAudit(f"entry.{name}", type(value).__name__, "a number", fix)
        if self.record is not None and not 0 <= self.record < _RECORDS:
            fix = "use the id that was embedded"
            raise InvalidAudit("entry.record", self.record, f"0 to {_RECORDS - 1}", fix)
        for name, given in (("scores", self.scores), ("prompts", self.prompts)):
            if len(given) > _MOST:
                fix = "record the highest only"
                raise InvalidAudit(f"entry.{name}", len(given), f"up to {_MOST}", fix)
            for key in given:
                _check(f"entry.{name} key", key, _NAME, "1 to 80 characters of a name")

    def _numbers(self) -> list[tuple[str, object]]:
        single = [("record", self.record), ("score", self.score), ("threshold", self.threshold)]
        given = [(name, value) for name, value in single if value is not None]
        return [*given, *((f"scores {name!r}", value) for name, value in self.scores.items())]

    def fields(self, key: AuditKey) -> dict[str, Any]:
        """Return what is written: no empty fields, prompts as digests."""
        plain: dict[str, Any] = {
            "event": str(self.event),
            "job": self.job,
            "record": None if self.record is None else f"{self.record:08x}",
            "stage": self.stage,
            "category": self.category,
            "score": _number(self.score),
            "threshold": _number(self.threshold),
            "policy": self.policy,
            "model": self.model,
            "mark": self.mark,
            "digest": self.digest,
            "fingerprint": self.fingerprint,
            "error": self.error,
            "scores": {name: _number(value) for name, value in self.scores.items()},
            "prompts": {name: key.prompt_digest(text) for name, text in self.prompts.items()},
        }
        return {name: value for name, value in plain.items() if value not in ("", None, {})}


def _check(name: str, value: str, allowed: re.Pattern[str], words: str) -> None:
    if not isinstance(value, str) or not allowed.fullmatch(value):
        fix = "pass an identifier; prompts belong in entry.prompts"
        raise InvalidAudit(name, f"{len(str(value))} characters", words, fix)


def _number(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return None if value is None else float(value)
    return str(float(value))  # nan, inf: JSON has no numbers for them
