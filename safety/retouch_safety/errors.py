"""Every error the safety package raises on purpose.

::

    SafetyError
    ├── Refused          the gate said no; nothing was released
    ├── AlreadyOpened    a sealed picture was opened twice, or by something other than the gate
    ├── DetectorFailed   a detector is missing, corrupt, or does not reproduce its known answer
    ├── InvalidContent   pixels that cannot be sealed: wrong shape or depth
    └── InvalidInput     what was given cannot be used: field, value, allowed, fix
        └── CannotSave   a file that cannot be written
"""

from __future__ import annotations

_SHOWN = 200  # characters of a value that a message repeats


class SafetyError(Exception):
    """Base of every error of the safety package."""


class Refused(SafetyError):
    """The gate said no; nothing was released.

    Args:
        stage: what refused: ``prompt``, ``input``, ``installation``, ``self-test``, ``pixels``,
            ``detector``, ``watermark``, ``receipt``, ``manifest`` or ``audit``.
        category: what was found, or ``failed`` when the check itself broke.
        score: the score that was compared, NaN if there was none.
        threshold: the score from which on the stage refuses, NaN if there was none.
        advice: what the user can do, one sentence.
        field: the field of the request at fault, empty when it is the result.
        clause: the part of a text at fault, as the filter read it; else empty.
    """

    def __init__(
        self,
        stage: str,
        category: str,
        score: float,
        threshold: float,
        advice: str,
        *,
        field: str = "",
        clause: str = "",
    ) -> None:
        self.stage, self.category, self.advice = stage, category, advice
        self.score, self.threshold = score, threshold
        self.field, self.clause = field, clause
        found = f"{category}, score {score:.3f}, threshold {threshold:.3f}"
        shown = category if threshold != threshold else found
        where = f" {field}:" if field else ""
        what = f" in {clause!r}" if clause else ""
        super().__init__(f"refused by the {stage} check:{where} {shown}{what}. {advice}")


class AlreadyOpened(SafetyError):
    """A sealed picture was opened twice, or by something other than the gate."""


class DetectorFailed(SafetyError):
    """A detector is missing, corrupt, or does not reproduce its known answer."""


class InvalidContent(SafetyError):
    """Pixels that cannot be sealed: wrong shape or depth."""


class InvalidInput(SafetyError):
    """What was given cannot be used.

    Args:
        field: what is wrong, for example ``out.suffix``.
        value: what was given; never a secret. A long one is shortened in the message.
        allowed: the allowed range or set, in words.
        fix: what to do about it, one imperative clause.
    """

    def __init__(self, field: str, value: object, allowed: str, fix: str) -> None:
        self.field, self.value, self.allowed, self.fix = field, value, allowed, fix
        shown = repr(value)
        if len(shown) > _SHOWN:
            shown = f"{shown[:_SHOWN]}…"
        super().__init__(f"{field}: got {shown}; allowed: {allowed}. Fix: {fix}.")


class CannotSave(InvalidInput):
    """A file that cannot be written."""
