"""A contact sheet of a batch: before and after of every picture, released by the gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from retouch.batch.choices import Choices
from retouch.batch.formats.opening import open_document
from retouch.batch.running import Outcome
from retouch.cli.contact_sheet import Panel, draw_sheet
from retouch.errors import RetouchError

Shown = npt.NDArray[np.uint8]
_SIDE: Final = 224
_MOST: Final = 200
_PAPER: Final = 250


def write_sheet(sheet: Path, outcomes: Sequence[Outcome], out: Path) -> int:
    """Draw all pictures that have a result, and write them.

    Args:
        sheet: file to write.
        outcomes: of the batch.
        out: folder of its results.

    Returns:
        How many are on it.

    Raises:
        SafetyError: the gate keeps it, or it cannot be written.
    """
    from retouch_safety.gate import Gate
    from retouch_safety.job import Job
    from retouch_safety.save import save
    from retouch_safety.sealed import Sealed

    panels = [panel for outcome in outcomes[:_MOST] for panel in _panels(outcome, out)]
    if not panels:
        return 0
    gate = Gate()
    admission = gate.admit(Job(operations=("contact_sheet",)))
    save(gate.release(Sealed.composite(draw_sheet(panels)), admission), sheet)
    return len(panels)


def _panels(outcome: Outcome, out: Path) -> list[Panel]:
    names = [each["file"] for each in outcome.entry.outputs if "file" in each]
    choices = outcome.item.choices
    plain = Choices(color_space=choices.color_space, exposure=choices.exposure)
    try:
        before = _fitted(open_document(outcome.item.picture, plain).shown())
        return [
            Panel(name, choices.prompt, before, _fitted(open_document(out / name, plain).shown()))
            for name in names
        ]
    except RetouchError:  # changed or gone meanwhile: the sheet goes on without it
        return []


def _fitted(picture: Shown) -> Shown:
    """The picture in a square, whole, on the paper's grey."""
    height, width = picture.shape[:2]
    scale = _SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    square = np.full((_SIDE, _SIDE, 3), _PAPER, np.uint8)
    top, left = (_SIDE - size[1]) // 2, (_SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square
