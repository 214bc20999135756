"""SDEdit: noise the picture to a chosen level, then denoise it under a new prompt.

Meng et al. 2022 (arXiv 2108.01073), algorithm 1: x(t0) = alpha(t0) x + sigma(t0) z. The share of
the schedule that runs is the strength. K repeats noise and denoise the result again (section 3 of
the paper), which brings the result closer to real pictures at the same faithfulness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from retouch.operation import Operation, Stage
from retouch.parameters import parameter

if TYPE_CHECKING:
    from retouch.edit import Edit


@dataclass(frozen=True, kw_only=True)
class SDEdit(Operation):
    """Restyle or change the picture while keeping its layout."""

    name: ClassVar[str] = "sdedit"
    stage: ClassVar[Stage] = Stage.START
    summary: ClassVar[str] = "Redraw the picture after a prompt, keeping its layout"
    source: ClassVar[str] = "Meng et al. 2022 (arXiv 2108.01073), algorithm 1"

    strength: float = parameter(
        0.6, "How far to go: 0 returns the picture, 1 keeps only its noise.", low=0.0, high=1.0
    )
    repeats: int = parameter(1, "How many times to noise and denoise.", low=1, high=10)

    def schedule(self) -> tuple[float, int]:
        """Strength and repeats."""
        return self.strength, self.repeats

    def prepare(self, edit: Edit) -> None:
        """Cut the schedule and start from the noised picture."""
        _ = edit.source
        edit.begin(self.strength, repeats=self.repeats)
