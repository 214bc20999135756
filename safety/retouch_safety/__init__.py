"""The gate: output detectors, watermark, receipt, and the only way to a file.

Imports nothing of Retouch. ``Gate.release`` turns the engine's ``Sealed`` pictures into
``Released`` ones; ``retouch_safety.save`` and the wire accept only those.
"""

from retouch_safety.content import Box
from retouch_safety.detector import Detector, OpenNSFW
from retouch_safety.errors import (
    AlreadyOpened,
    CannotSave,
    DetectorFailed,
    InvalidContent,
    Refused,
    SafetyError,
)
from retouch_safety.gate import Gate, SelfTest
from retouch_safety.receipt import DetectorScores, MarkStatus, Receipt
from retouch_safety.sealed import Released, Sealed
from retouch_safety.watermark import MarkFound, new_record_id, read_mark

__all__ = [
    "AlreadyOpened",
    "Box",
    "CannotSave",
    "Detector",
    "DetectorFailed",
    "DetectorScores",
    "Gate",
    "InvalidContent",
    "MarkFound",
    "MarkStatus",
    "OpenNSFW",
    "Receipt",
    "Refused",
    "Released",
    "SafetyError",
    "Sealed",
    "SelfTest",
    "new_record_id",
    "read_mark",
]
