"""The seam for third parties: rules that add reasons to refuse. There is none to allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Objection:
    """One reason of a third party to refuse a text.

    Attributes:
        category: what was asked for, in a few words.
        clause: the part of the text.
        score: what was measured, 1.0 for plain rules.
        threshold: from which score on the rule objects.
        advice: what the user can do, one sentence.
    """

    category: str
    clause: str
    score: float = 1.0
    threshold: float = 1.0
    advice: str = "Change this part of the prompt."


class PromptRule(Protocol):
    """Looks at every text of a request. Rules add up; none can replace or relax another."""

    @property
    def name(self) -> str:
        """Name and version, for messages."""
        ...

    def objections(self, field: str, text: str, readings: tuple[str, ...]) -> Iterable[Objection]:
        """Return reasons to refuse, none if there are none.

        Args:
            field: which text, for example ``region_prompts[1]``.
            text: as the user wrote it.
            readings: plain readings of it: lower case, without notation and invisible characters.

        Raises:
            Exception: anything; the request is refused.
        """
        ...
