"""What an edit gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from retouch.errors import Blocked
from retouch_safety.sealed import Released


@dataclass(frozen=True, eq=False)
class EditResult:
    """One variant: released by the gate, or refused by it while another one was released.

    Attributes:
        composite: the whole picture, or None when only a patch was asked for.
        patch: the changed piece with its alpha, or None.
        seed: what made it.
        settings: effective settings, to replay it.
        refused: why the gate refused this variant, which has no picture then; None of a released
            one. Never set where all are refused, a single one included: that is an error.
    """

    composite: Released | None
    patch: Released | None
    seed: int
    settings: Mapping[str, object]
    refused: Blocked | None = None


def plain(settings: Mapping[str, object]) -> Mapping[str, object]:
    """Return settings as numbers, words, and lists and maps of them.

    Operations write notes of their own into the settings, and pixels must not leave that way:
    anything else is named by its type, and long lists are cut.
    """
    return {str(name): _plain(value) for name, value in list(settings.items())[:_MOST]}


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value[:_LONGEST] if isinstance(value, str) else value
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value[:_MOST]]
    return f"<{type(value).__name__}>"


_MOST: Final = 256
_LONGEST: Final = 4000
