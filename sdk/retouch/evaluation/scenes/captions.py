"""Put scenes into words: captions, their other wordings, and the phrases edits are made of."""

from __future__ import annotations

from typing import Final

import numpy as np

from retouch.evaluation.scenes.layouts import SMALL
from retouch.evaluation.scenes.scene import Scene
from retouch.evaluation.scenes.vocabulary import (
    COLOURS,
    COUNTS,
    MASS,
    PLACE_NAMES,
    PLACES,
    SYNONYMS,
    article,
    plural,
)

RELATION_WORDS: Final[dict[str, str]] = {
    "and": "and",
    "left": "to the left of",
    "right": "to the right of",
    "above": "above",
    "below": "below",
}
_FILLERS: Final[tuple[str, ...]] = (
    "illustration", "masterpiece", "beautiful", "detailed", "cute", "style", "art", "nice",
    "digital", "best", "quality", "drawing", "simple", "vector", "scene", "lovely", "great",
)  # fmt: skip
_OPENINGS: Final[tuple[str, ...]] = ("a picture of", "a drawing of", "a photo of", "an image of")


def object_phrase(noun: str, colour: str) -> str:
    """Return ``"a red cat"``, ``"an apple"`` without a colour, ``"green broccoli"``."""
    words = f"{colour} {noun}" if colour else noun
    return words if noun in MASS else f"{article(words)} {words}"


def count_phrase(noun: str, colour: str, count: int) -> str:
    """Return ``"three red cats"``."""
    return " ".join(word for word in (COUNTS[count], colour, plural(noun)) if word)


def place_phrase(place: str, bare: bool = False) -> str:
    """Return ``"on a meadow"``; bare (no object in front of it): ``"a meadow"``."""
    if place in COLOURS:
        phrase = f"{article(place)} {place} background"
        return phrase if bare else f"on {phrase}"
    return PLACE_NAMES[place] if bare else PLACES[place]


def things_phrase(scene: Scene) -> str:
    """Return the words for the scene's objects, as in ``"a red cat above a dog"``."""
    things = scene.things
    if len(things) == 2 and scene.relation:
        first, second = (object_phrase(thing.noun, thing.colour) for thing in things)
        return f"{first} {RELATION_WORDS[scene.relation]} {second}"
    thing = things[0]
    if len(things) > 1:
        return count_phrase(thing.noun, thing.colour, len(things))
    if scene.position == "centre" and thing.size <= SMALL[1]:
        return f"a small {thing.colour} {thing.noun}".replace("  ", " ")
    side = "" if scene.position == "centre" else f" on the {scene.position}"
    return object_phrase(thing.noun, thing.colour) + side


def caption(scene: Scene) -> str:
    """Return the plain caption, as in ``"a red apple on a meadow in autumn"``."""
    season = f" in {scene.season}" if scene.season else ""
    night = " at night" if scene.night else ""
    words = place_phrase(scene.place, bare=not scene.things) + season + night
    return f"{things_phrase(scene)} {words}" if scene.things else words


def _renamed(text: str, scene: Scene, rng: np.random.Generator) -> str:
    for thing in scene.things:
        others = SYNONYMS.get(thing.noun)
        if others is None:
            continue
        word = str(rng.choice(others))
        if len(scene.things) > 1 and not scene.relation:
            text = text.replace(plural(thing.noun), word + "s")
            continue
        before = object_phrase(thing.noun, thing.colour)
        text = text.replace(before, object_phrase(word, thing.colour))
        text = text.replace(f"small {thing.noun}", f"small {word}")
    return text


def vary(scene: Scene, rng: np.random.Generator) -> str:
    """Return the caption, sometimes in another wording, with idle words or without the place."""
    text = caption(scene)
    if rng.random() < 0.10:
        text = _renamed(text, scene, rng)
    draw = rng.random()
    if draw < 0.05 and scene.things:
        return things_phrase(scene)
    if draw < 0.10:
        return f"{rng.choice(_OPENINGS)} {text}"
    if draw < 0.15:
        words = rng.choice(_FILLERS, size=int(rng.integers(1, 4)))
        return f"{text}, {' '.join(words)}"
    if draw < 0.18:
        return text.replace(" at night", ", at night").replace(" in winter", ", winter")
    if draw < 0.20:
        return text.replace("grey", "gray").replace("airplane", "plane")
    return text
