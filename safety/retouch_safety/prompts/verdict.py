"""What the filter says: categories, blocks, and the verdict on a whole request."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What was asked for. ``MINORS`` and ``UNREADABLE`` are refused under every profile."""

    MINORS = "sexualised minors"
    SEXUAL = "sexual content"
    NUDITY = "nudity"
    UNDRESS = "undressing a person"
    SUGGESTIVE = "suggestive content"
    GORE = "graphic violence"
    SELF_HARM = "self-harm"
    HATE = "hate"
    EXTREMISM = "extremism"
    FORGERY = "forged documents"
    DANGER = "dangerous instructions"
    UNREADABLE = "not readable by the filter"


FLOOR = frozenset({Category.MINORS, Category.UNREADABLE})
"""Categories that no profile can switch off."""


class Stage(StrEnum):
    """Which part of the filter said no."""

    FIELDS = "fields"  # what the request carries at all, such as raw embeddings
    RULE = "rule"  # term lists and patterns
    EMBEDDING = "embedding"  # nearness of a clause to what the policy names
    EXTENSION = "extension"  # a third party's rule


@dataclass(frozen=True)
class Block:
    """One reason to refuse.

    Attributes:
        field: which text, for example ``region_prompts[1]``.
        stage: which part of the filter.
        category: what was asked for; an extension may use words of its own.
        clause: the part of the text, as the filter read it.
        score: what was measured; 1.0 for rules.
        threshold: from which score on the stage refuses.
        advice: what the user can do, one sentence.
    """

    field: str
    stage: Stage
    category: str
    clause: str
    score: float
    threshold: float
    advice: str

    def __str__(self) -> str:
        measured = ""
        if not math.isnan(self.threshold):
            measured = f", score {self.score:.3f}, threshold {self.threshold:.3f}"
        where = f"{self.field}: {self.category} ({self.stage}{measured})"
        return f"{where} in {self.clause!r}. {self.advice}"


@dataclass(frozen=True)
class PromptVerdict:
    """The verdict on a request.

    Attributes:
        profile: name of the policy profile.
        blocks: every reason to refuse, floor categories first; empty when allowed.
    """

    profile: str
    blocks: tuple[Block, ...]

    @property
    def allowed(self) -> bool:
        """Whether nothing was found."""
        return not self.blocks
