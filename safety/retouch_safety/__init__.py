"""The gate: prompt filter, detectors, watermark, receipt, and the only way to a file.

Imports nothing of Retouch. ``Gate.admit`` looks at a request before it runs, ``Gate.release``
turns the engine's ``Sealed`` pictures into ``Released`` ones; ``retouch_safety.save`` and the wire
accept only those. ``Installation`` is what it keeps on disk.
"""

from retouch_safety.admission import Admission
from retouch_safety.content import Box
from retouch_safety.detector_panel import SelfTest
from retouch_safety.detectors import Detector, OpenNSFW
from retouch_safety.errors import (
    AlreadyOpened,
    CannotSave,
    DetectorFailed,
    InvalidContent,
    InvalidInput,
    Refused,
    SafetyError,
)
from retouch_safety.gate import Gate
from retouch_safety.installation import Installation
from retouch_safety.job import InputPicture, Job
from retouch_safety.prompts.fields import PromptFields
from retouch_safety.receipt import DetectorScores, Ingredient, MarkStatus, Receipt
from retouch_safety.sealed import Released, Sealed

__all__ = [
    "Admission",
    "AlreadyOpened",
    "Box",
    "CannotSave",
    "Detector",
    "DetectorFailed",
    "DetectorScores",
    "Gate",
    "Ingredient",
    "InputPicture",
    "Installation",
    "InvalidContent",
    "InvalidInput",
    "Job",
    "MarkStatus",
    "OpenNSFW",
    "PromptFields",
    "Receipt",
    "Refused",
    "Released",
    "SafetyError",
    "Sealed",
    "SelfTest",
]
