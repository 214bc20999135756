"""The gate: prompt filter, detectors, watermark, receipt, and the only way to a file.

Imports nothing of Retouch. ``Gate.admit`` looks at a request before it runs, ``Gate.release``
turns the engine's ``Sealed`` pictures into ``Released`` ones; ``retouch_safety.save`` and the wire
accept only those. ``Installation`` is what it keeps on disk.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "Admission": "retouch_safety.admission",
    "AlreadyOpened": "retouch_safety.errors",
    "Box": "retouch_safety.content",
    "CannotSave": "retouch_safety.errors",
    "Detector": "retouch_safety.detectors",
    "DetectorFailed": "retouch_safety.errors",
    "DetectorScores": "retouch_safety.receipt",
    "Gate": "retouch_safety.gate",
    "Ingredient": "retouch_safety.receipt",
    "InputPicture": "retouch_safety.job",
    "Installation": "retouch_safety.installation",
    "InvalidContent": "retouch_safety.errors",
    "InvalidInput": "retouch_safety.errors",
    "Job": "retouch_safety.job",
    "MarkStatus": "retouch_safety.receipt",
    "OpenNSFW": "retouch_safety.detectors",
    "PromptFields": "retouch_safety.prompts.fields",
    "Receipt": "retouch_safety.receipt",
    "Refused": "retouch_safety.errors",
    "Released": "retouch_safety.sealed",
    "SafetyError": "retouch_safety.errors",
    "Sealed": "retouch_safety.sealed",
    "SelfTest": "retouch_safety.detector_panel",
}

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


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'retouch_safety' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
