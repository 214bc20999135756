"""The audit log: what the gate did, in a chain that shows every change."""

from retouch_safety.audit.audit_log import AuditLog
from retouch_safety.audit.entry import Entry, Event
from retouch_safety.audit.errors import AuditFailed, InvalidAudit
from retouch_safety.audit.line import GENESIS, ChainHead, Record
from retouch_safety.audit.verification import AuditReport, FirstBad, verify_export

__all__ = [
    "GENESIS",
    "AuditFailed",
    "AuditLog",
    "AuditReport",
    "ChainHead",
    "Entry",
    "Event",
    "FirstBad",
    "InvalidAudit",
    "Record",
    "verify_export",
]
