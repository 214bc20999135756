"""Every error of the audit log.

::

    SafetyError
    ├── AuditFailed    not recorded, or not readable; nothing may be released
    └── InvalidAudit   wrong input: field, value, allowed, fix
"""

from __future__ import annotations

from retouch_safety.errors import SafetyError


class AuditFailed(SafetyError):
    """The log could not do what it was asked: a full disk, an I/O error, a lock, a damaged log.

    Args:
        stage: what failed: ``key``, ``lock``, ``read``, ``write``, ``rotate``, ``head``,
            ``damaged``, ``export``.
        reason: what happened.
        fix: what to do about it, one imperative clause.
    """

    def __init__(self, stage: str, reason: str, fix: str) -> None:
        self.stage, self.reason, self.fix = stage, reason, fix
        super().__init__(f"audit log, {stage}: {reason}. Fix: {fix}.")


class InvalidAudit(SafetyError):
    """Input that cannot be recorded.

    Args:
        field: what is wrong, for example ``entry.job``.
        value: what was given.
        allowed: the allowed range or set, in words.
        fix: what to do about it, one imperative clause.
    """

    def __init__(self, field: str, value: object, allowed: str, fix: str) -> None:
        self.field, self.value, self.allowed, self.fix = field, value, allowed, fix
        super().__init__(f"{field}: got {value!r}; allowed: {allowed}. Fix: {fix}.")
