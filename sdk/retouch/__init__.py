"""Retouch: composable diffusion edits.

Importing this package never imports torch; names below are loaded when they are first used.

::

    from retouch import EditRequest, Library, Runner, read_image, save
    from retouch_plugins.sdedit import SDEdit

    runner = Runner(Library())
    request = EditRequest(
        image=read_image("in.png"), prompt="a red apple", operations=(SDEdit(strength=0.6),)
    )
    (result,) = runner.run(request)
    save(result.composite, "out.png")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from retouch.denoiser import Condition, Denoiser, Evaluation, Flow, NoiseLevel, gather
    from retouch.edit import Delta, Edit
    from retouch.errors import RetouchError
    from retouch.imaging.decode import read_image, read_mask
    from retouch.imaging.image import Image, Mask
    from retouch.imaging.region import Rect
    from retouch.models.library import Library
    from retouch.operation import Operation, Stage, in_window
    from retouch.parameters import parameter
    from retouch.request import EditRequest
    from retouch.result import EditResult
    from retouch.runner import Runner
    from retouch.trajectories import Step
    from retouch_safety.save import save

_HOMES = {
    "Condition": "retouch.denoiser",
    "Delta": "retouch.edit",
    "Denoiser": "retouch.denoiser",
    "Edit": "retouch.edit",
    "EditRequest": "retouch.request",
    "EditResult": "retouch.result",
    "Evaluation": "retouch.denoiser",
    "Flow": "retouch.denoiser",
    "Image": "retouch.imaging.image",
    "Library": "retouch.models.library",
    "Mask": "retouch.imaging.image",
    "NoiseLevel": "retouch.denoiser",
    "Operation": "retouch.operation",
    "Rect": "retouch.imaging.region",
    "RetouchError": "retouch.errors",
    "Runner": "retouch.runner",
    "Stage": "retouch.operation",
    "Step": "retouch.trajectories",
    "gather": "retouch.denoiser",
    "in_window": "retouch.operation",
    "parameter": "retouch.parameters",
    "read_image": "retouch.imaging.decode",
    "read_mask": "retouch.imaging.decode",
    "save": "retouch_safety.save",
}

__all__ = [
    "Condition",
    "Delta",
    "Denoiser",
    "Edit",
    "EditRequest",
    "EditResult",
    "Evaluation",
    "Flow",
    "Image",
    "Library",
    "Mask",
    "NoiseLevel",
    "Operation",
    "Rect",
    "RetouchError",
    "Runner",
    "Stage",
    "Step",
    "gather",
    "in_window",
    "parameter",
    "read_image",
    "read_mask",
    "save",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'retouch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
