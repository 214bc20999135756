"""What an edit gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from retouch_safety.sealed import Released


@dataclass(frozen=True, eq=False)
class EditResult:
    """One variant, released by the gate.

    Attributes:
        composite: the whole picture, or None when only a patch was asked for.
        patch: the changed piece with its alpha, or None.
        seed: what made it.
        settings: effective settings, to replay it.
    """

    composite: Released | None
    patch: Released | None
    seed: int
    settings: Mapping[str, object]
