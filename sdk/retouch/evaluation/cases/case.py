"""One case of the editing yardstick, and where cases come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from retouch.evaluation.scenes.edits import Edit
from retouch.imaging.image import Floats


@dataclass(frozen=True, eq=False)
class Case:
    """One picture to edit.

    Attributes:
        name: unique, for example ``swap-0003``.
        kind: one of the ten kinds of edit, or the user's own word.
        before: (H, W, 3) in [0, 1], values of eight bits.
        source_prompt: describes ``before``; empty where unknown.
        target_prompt: describes the wanted result; empty where unknown.
        instruction: how to get from one to the other; empty where unknown.
        mask: (H, W), 1 where the edit may change pixels; None where unknown.
        hole: (H, W), the mask that a user would draw for it; None where there is none.
        target: the exact result, or None where nobody knows it.
        reference: a picture of what is wanted, or None.
        layout: (H, W), the share of ``target`` that objects cover, or None.
        seed: of the noise.
        edit: the specification of procedural cases.
    """

    name: str
    kind: str
    before: Floats
    source_prompt: str = ""
    target_prompt: str = ""
    instruction: str = ""
    mask: Floats | None = None
    hole: Floats | None = None
    target: Floats | None = None
    reference: Floats | None = None
    layout: Floats | None = None
    seed: int = 0
    edit: Edit | None = None


class Source(Protocol):
    """Where cases come from: procedural scenes, or a user's folder."""

    def names(self, kinds: Sequence[str], count: int) -> list[str]:
        """Names of at most ``count`` cases of these kinds."""
        ...

    def case(self, name: str) -> Case:
        """The case of a name, always the same one."""
        ...

    def shows(self, name: str) -> bool:
        """Whether a case's pictures are kept for the report."""
        ...
