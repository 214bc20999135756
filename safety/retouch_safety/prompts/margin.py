"""How much nearer a passage is to what the policy names than to what is harmless.

margin(c) = mean of the two highest cosine similarities to the prototypes of category c, minus the
mean of the two highest to harmless prototypes. The difference cancels what all captions share,
which a plain similarity does not. The floor's category counts only where it is about as near as the
same without a minor.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from retouch_safety.profiles import PROFILES
from retouch_safety.prompts.embedding import SentenceEncoder, Vectors
from retouch_safety.prompts.policy import load_policy
from retouch_safety.prompts.prototype_vectors import stored_vectors
from retouch_safety.prompts.tables import table
from retouch_safety.prompts.verdict import Category

ADULT = (Category.SEXUAL, Category.NUDITY, Category.UNDRESS)
"""Categories that are the floor's matter once a minor is in the picture."""

_NEAREST = 2
_TIE = 0.03
_FURTHEST = 2.0


@dataclass(frozen=True)
class Prototypes:
    """Sentences that stand for categories, and sentences that are harmless."""

    named: Mapping[Category, tuple[str, ...]]
    harmless: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """Margins of one passage, in [-2, 2].

    Attributes:
        profile: category -> margin against all that the profile accepts.
        floor: category -> margin against what every profile accepts.
    """

    profile: Mapping[Category, float]
    floor: Mapping[Category, float]


class Margins:
    """Measures passages against prototypes.

    Args:
        encoder: turns sentences into unit vectors.
        accepted: further harmless sentences of the profile, which the floor does not look at.
    """

    def __init__(self, encoder: SentenceEncoder, accepted: Sequence[str]) -> None:
        self._encoder = encoder
        prototypes = load_prototypes()
        self._named = prototypes.named
        self._harmless = prototypes.harmless
        self._accepted = (*prototypes.harmless, *accepted)
        self._references: dict[tuple[str, ...], Vectors] = {}

    def measure(self, passages: Sequence[str]) -> list[Measured]:
        """Return the margins of every passage.

        Raises:
            PromptCheckFailed: the model is missing or broken.
        """
        vectors = self._encoder.encode(passages)
        harmless = self._nearness(vectors, self._harmless)
        accepted = self._nearness(vectors, self._accepted)
        near = {c: self._nearness(vectors, lines) for c, lines in self._named.items()}
        adults = np.max([near[category] for category in ADULT], axis=0)
        # a nude adult is near to a nude child too: the floor's matter is what is as near or nearer
        young = near[Category.MINORS] >= adults - _TIE
        measured = []
        for row in range(len(passages)):
            floor = {c: float(values[row] - harmless[row]) for c, values in near.items()}
            profile = {c: float(values[row] - accepted[row]) for c, values in near.items()}
            if not (young[row] or np.isnan(adults[row])):
                floor[Category.MINORS] = profile[Category.MINORS] = -_FURTHEST
            measured.append(Measured(profile, floor))
        return measured

    def _nearness(self, vectors: Vectors, sentences: tuple[str, ...]) -> Vectors:
        """Return, for each row, the mean of its highest similarities to some sentences."""
        similarities = vectors @ self._reference(sentences).T
        nearest: Vectors = np.sort(similarities, axis=1)[:, -_NEAREST:].mean(axis=1)
        return nearest

    def _reference(self, sentences: tuple[str, ...]) -> Vectors:
        # kept here, as the encoder's cache forgets
        if sentences not in self._references:
            stored = stored_vectors(all_prototypes())
            known = all(sentence in stored for sentence in sentences)
            self._references[sentences] = (
                np.stack([stored[sentence] for sentence in sentences])
                if known
                else self._encoder.encode(sentences)
            )
        return self._references[sentences]


@functools.cache
def all_prototypes() -> tuple[str, ...]:
    """Return every sentence that passages are compared with, of all profiles, without repeats."""
    prototypes = load_prototypes()
    accepted = [line for name in PROFILES for line in load_policy(name).accepted]
    named = [line for lines in prototypes.named.values() for line in lines]
    return tuple(dict.fromkeys((*named, *prototypes.harmless, *accepted)))


def load_prototypes() -> Prototypes:
    """Read the prototypes."""
    data = table("prototypes")
    named = {Category[key.upper()]: tuple(lines) for key, lines in data["named"].items()}
    return Prototypes(MappingProxyType(named), tuple(data["harmless"]))
