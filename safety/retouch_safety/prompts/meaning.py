"""What the meaning of a passage says: margin and classifier together, against the policy's limits.

score = margin + f/2, the margin of the nearest refused category cut to what it can be trusted with.
Each sees what the other misses: margins know the sentences that name the policy, the classifier
knows the harmless ones that look like them. The floor is judged by its margin alone first, so that
nothing that is added here can relax it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retouch_safety.prompts.classifier import BODY, BODY_CATEGORIES, Classifier
from retouch_safety.prompts.embedding import SentenceEncoder
from retouch_safety.prompts.margin import ADULT, Margins, Measured
from retouch_safety.prompts.policy import FLOOR_LIMITS, Limits, Policy
from retouch_safety.prompts.verdict import FLOOR, Category
from retouch_safety.prompts.windows import Passage

FLOOR_SCORES = Limits(whole=0.16, clause=0.18)
"""For ``Category.MINORS`` by margin and classifier; in addition to ``FLOOR_LIMITS`` by margin."""

DOUBT_RESOLVED = -0.1
"""The doubt about a word with a second meaning is resolved when every f of every passage of the
text lies below this."""

DOUBT_OVERRULED = -0.5
"""The same for the doubt about other words: the classifier has to be surer."""

FEW_WORDS = 0.2
"""On top of either for the doubtful words with their neighbours: so few say little."""

_BY_MARGIN = (Category.MINORS, Category.SUGGESTIVE)  # a machine of the latter was never trained
_MARGIN_FROM, _MARGIN_TO = -0.08, 0.17
_WEIGHT = 0.5


@dataclass(frozen=True)
class Exceeded:
    """A category whose limit a passage exceeds."""

    category: Category
    score: float
    limit: float


@dataclass(frozen=True)
class Judged:
    """What was found in one passage.

    Attributes:
        likeness: the highest f of all machines.
        exceeded: what exceeds its limit most, the floor first; None where nothing does.
    """

    likeness: float
    exceeded: Exceeded | None


class Meaning:
    """Judges passages by what they mean.

    Args:
        encoder: turns sentences into vectors.
        policy: limits, and what the profile accepts.
        classifier: by default the machines that come with the package.
    """

    def __init__(
        self, encoder: SentenceEncoder, policy: Policy, classifier: Classifier | None = None
    ) -> None:
        self._policy = policy
        self._margins = Margins(encoder, policy.accepted)
        self._classifier = Classifier(encoder) if classifier is None else classifier
        self._refused = tuple(c for c in policy.limits if c not in _BY_MARGIN)

    def judge(self, passages: Sequence[Passage], young: bool) -> list[Judged]:
        """Return what was found in each passage.

        Args:
            passages: of all texts of a request.
            young: whether a minor or a young person is anywhere in the request.

        Raises:
            PromptCheckFailed: the model is missing or broken.
        """
        texts = [passage.text for passage in passages]
        measured = self._margins.measure(texts)
        columns = self._classifier.values(texts)
        judged = []
        for row, passage in enumerate(passages):
            likeness = {name: float(values[row]) for name, values in columns.items()}
            bounds = [*self._floor(measured[row], likeness, young)]
            bounds += self._refusals(measured[row], likeness)
            judged.append(Judged(float(np.max(list(likeness.values()))), _worst(passage, bounds)))
        return judged

    def likeness(self, texts: Sequence[str]) -> list[float]:
        """Return the highest f of all machines for each text."""
        return [float(value) for value in np.max(list(self._classifier.values(texts).values()), 0)]

    def _floor(
        self, measured: Measured, likeness: Mapping[str, float], young: bool
    ) -> list[tuple[Category, float, Limits]]:
        minors = Category.MINORS
        bounds = [(minors, measured.floor[minors], FLOOR_LIMITS)]
        bounds.append((minors, _score(measured.floor[minors], likeness["minors"]), FLOOR_SCORES))
        if young:
            # with a minor anywhere in the request, this is the floor's matter in every clause
            bounds += [(minors, measured.floor[c], FLOOR_LIMITS) for c in ADULT]
            adult = max(measured.floor[c] for c in ADULT)
            bounds.append((minors, _score(adult, likeness[BODY]), FLOOR_SCORES))
        return bounds

    def _refusals(
        self, measured: Measured, likeness: Mapping[str, float]
    ) -> list[tuple[Category, float, Limits]]:
        limits = self._policy.limits
        bounds = [(c, measured.profile[c], limits[c]) for c in _BY_MARGIN if c in limits]
        asked = [c for c in self._refused if not _is_accepted(measured, c)]
        if not asked:
            return bounds
        values = {category: likeness[category.name.lower()] for category in asked}
        likest = max(values, key=lambda category: values[category])
        value = values[likest]
        if set(asked) >= BODY_CATEGORIES and likeness[BODY] > value:
            value = likeness[BODY]
            likest = max(BODY_CATEGORIES, key=lambda category: (values[category], category))
        margin = max(measured.profile[category] for category in asked)
        return [*bounds, (likest, _score(margin, value), limits[likest])]


def _is_accepted(measured: Measured, category: Category) -> bool:
    """Return whether a sentence that the profile accepts is nearer than those of a category."""
    return measured.profile[category] < min(0.0, measured.floor[category])


def _score(margin: float, value: float) -> float:
    """Return margin and classifier as one number; NaN where either is."""
    return float(np.clip(margin, _MARGIN_FROM, _MARGIN_TO)) + _WEIGHT * value


def _worst(passage: Passage, bounds: list[tuple[Category, float, Limits]]) -> Exceeded | None:
    over = []
    for category, score, limits in bounds:
        limit = limits.of(passage.text, passage.extent)
        # not (score < limit): NaN compares False and must refuse
        if not (score < limit):
            excess = math.inf if math.isnan(score) else score - limit
            over.append((category in FLOOR, excess, category, score, limit))
    if not over:
        return None
    _, _, category, score, limit = max(over)
    return Exceeded(category, score, limit)
