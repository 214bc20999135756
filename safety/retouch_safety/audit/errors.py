"""Every error of the audit log.

::

    SafetyError
    ├── AuditFailed    not recorded, or not readable; nothing may be released
    └── InvalidAudit   wrong input, an InvalidInput
"""

from __future__ import annotations

from retouch_safety.errors import InvalidInput, SafetyError


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


class InvalidAudit(InvalidInput):
    """Input that cannot be recorded."""
