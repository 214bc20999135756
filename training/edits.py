"""One-attribute edits of scenes: before, after and the instruction that leads from one to other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from training.scenes import Scene, object_phrase, place_phrase, sample
from training.vocabulary import COLOURS, NIGHT_PLACES, NOUNS, PLACES

KINDS: Final[tuple[str, ...]] = ("recolour", "swap", "place", "light", "remove", "add")
_WEIGHTS: Final[tuple[float, ...]] = (0.26, 0.24, 0.24, 0.08, 0.09, 0.09)


@dataclass(frozen=True)
class Edit:
    """Two scenes that differ in one attribute, and the instruction."""

    before: Scene
    after: Scene
    kind: str
    instruction: str


def _pick(rng: np.random.Generator, *wordings: str) -> str:
    return str(rng.choice(wordings))


def _place_words(place: str, rng: np.random.Generator) -> str:
    where = place_phrase(place)
    bare = place_phrase(place, bare=True)
    if place in COLOURS:
        return _pick(rng, f"make the background {place}", f"change the background to {place}")
    if where.startswith("at "):
        return _pick(rng, f"make it {bare}", f"change the background to {bare}")
    return _pick(rng, f"put it {where}", f"change the background to {bare}")


def _attempt(scene: Scene, kind: str, rng: np.random.Generator) -> Edit | None:
    noun = scene.noun
    if kind == "recolour" and noun:
        colour = str(rng.choice(list(COLOURS)))
        words = _pick(
            rng, f"make it {colour}", f"make the {noun} {colour}", f"turn the {noun} {colour}"
        )
        changed = colour != scene.colour
        return Edit(scene, replace(scene, colour=colour), kind, words) if changed else None
    if kind == "swap" and noun:
        other = str(rng.choice(NOUNS))
        words = _pick(
            rng,
            f"turn it into {object_phrase(other, '')}",
            f"turn the {noun} into {object_phrase(other, '')}",
            f"replace the {noun} with {object_phrase(other, '')}",
        )
        return Edit(scene, replace(scene, noun=other), kind, words) if other != noun else None
    if kind == "place":
        place = str(rng.choice(list(COLOURS) if rng.random() < 0.3 else list(PLACES)))
        night = scene.night and place in NIGHT_PLACES
        if place == scene.place or night != scene.night:
            return None
        after = replace(scene, place=place)
        return Edit(scene, after, kind, _place_words(place, rng))
    if kind == "light" and scene.place in NIGHT_PLACES:
        words = "make it day" if scene.night else _pick(rng, "make it night", "at night")
        return Edit(scene, replace(scene, night=not scene.night), kind, words)
    if kind == "remove" and noun:
        after = replace(scene, noun="", colour="", position="centre")
        return Edit(scene, after, kind, _pick(rng, f"remove the {noun}", "remove it"))
    if kind == "add" and noun and scene.position == "centre":
        before = replace(scene, noun="", colour="")
        return Edit(before, scene, kind, f"add {object_phrase(noun, scene.colour)}")
    return None


def sample_edit(rng: np.random.Generator) -> Edit:
    """Draw a random edit whose two scenes are both valid."""
    while True:
        kind = str(rng.choice(KINDS, p=_WEIGHTS))
        edit = _attempt(sample(rng), kind, rng)
        if edit is not None and edit.before.valid() and edit.after.valid():
            return edit
