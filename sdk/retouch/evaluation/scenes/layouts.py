"""Draw random scenes: which objects, where, before which background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from retouch.evaluation.scenes.places import VARIANTS
from retouch.evaluation.scenes.scene import POSITIONS, RELATIONS, Scene, Thing
from retouch.evaluation.scenes.vocabulary import (
    COLOURS,
    NIGHT_PLACES,
    NOUNS,
    PLACES,
    SEASON_PLACES,
    SEASONS,
)

#: Kind of scene -> its share among the training scenes.
KINDS: Final[dict[str, float]] = {"single": 0.52, "pair": 0.26, "count": 0.17, "empty": 0.05}

_ROW_Y: Final = 0.53
_PAIR: Final[dict[str, tuple[tuple[float, float], tuple[float, float]]]] = {
    "and": ((0.27, _ROW_Y), (0.73, _ROW_Y)),
    "left": ((0.27, _ROW_Y), (0.73, _ROW_Y)),
    "right": ((0.73, _ROW_Y), (0.27, _ROW_Y)),
    "above": ((0.5, 0.27), (0.5, 0.75)),
    "below": ((0.5, 0.75), (0.5, 0.27)),
}
_COUNT: Final[dict[int, tuple[tuple[float, float], ...]]] = {
    2: ((0.27, _ROW_Y), (0.73, _ROW_Y)),
    3: ((0.27, 0.30), (0.73, 0.30), (0.5, 0.74)),
    4: ((0.27, 0.28), (0.73, 0.28), (0.27, 0.75), (0.73, 0.75)),
}

Range = tuple[float, float]
SINGLE: Final[Range] = (0.58, 0.70)
SMALL: Final[Range] = (0.40, 0.46)
ASIDE: Final[Range] = (0.46, 0.52)
PAIR: Final[Range] = (0.41, 0.46)
SEVERAL: Final[Range] = (0.38, 0.43)


def _colour(rng: np.random.Generator, natural: float = 0.3) -> str:
    return "" if rng.random() < natural else str(rng.choice(list(COLOURS)))


def _thing(
    rng: np.random.Generator, noun: str, colour: str, x: float, y: float, sizes: Range
) -> Thing:
    dx, dy = rng.uniform(-0.02, 0.02, size=2)
    return Thing(noun, colour, x + float(dx), y + float(dy), float(rng.uniform(*sizes)))


def setting(rng: np.random.Generator) -> Scene:
    """Draw a bare place with its time of day, season and variant."""
    plain = rng.random() < 0.3
    place = str(rng.choice(list(COLOURS if plain else PLACES)))
    night = place in NIGHT_PLACES and rng.random() < 0.3
    changes = place in SEASON_PLACES and not night and rng.random() < 0.5
    season = str(rng.choice(SEASONS)) if changes else ""
    return Scene((), place, night, season, variant=int(rng.integers(VARIANTS)))


def single(rng: np.random.Generator, scene: Scene, noun: str | None = None) -> Scene:
    """Put one object into the scene; ``noun`` fixes which."""
    noun = noun or str(rng.choice(NOUNS))
    position = str(rng.choice(["centre"] * 7 + ["left", "right"]))
    sizes = ASIDE if position != "centre" else (SMALL if rng.random() < 0.15 else SINGLE)
    thing = _thing(rng, noun, _colour(rng), POSITIONS[position], _ROW_Y, sizes)
    return replace(scene, things=(thing,), position=position)


def pair(rng: np.random.Generator, scene: Scene, relation: str | None = None) -> Scene:
    """Put two different objects into the scene; ``relation`` fixes how they lie."""
    relation = relation or str(rng.choice(RELATIONS))
    nouns = rng.choice(NOUNS, size=2, replace=False)
    things = tuple(
        _thing(rng, str(noun), _colour(rng), x, y, PAIR)
        for noun, (x, y) in zip(nouns, _PAIR[relation], strict=True)
    )
    return replace(scene, things=things, relation=relation)


def several(rng: np.random.Generator, scene: Scene, count: int | None = None) -> Scene:
    """Put two to four equal objects into the scene; ``count`` fixes how many."""
    count = count or int(rng.integers(2, 5))
    noun, colour = str(rng.choice(NOUNS)), _colour(rng)
    return replace(scene, things=arranged(rng, noun, colour, count))


def arranged(rng: np.random.Generator, noun: str, colour: str, count: int) -> tuple[Thing, ...]:
    """Return ``count`` (2 to 4) equal objects in their places."""
    size = float(rng.uniform(*SEVERAL))
    places = _COUNT[count]
    return tuple(_thing(rng, noun, colour, x, y, (size, size)) for x, y in places)


def sample(rng: np.random.Generator, kind: str | None = None) -> Scene:
    """Draw a random valid scene; ``kind`` (a key of KINDS) fixes its kind."""
    draw: dict[str, Callable[[np.random.Generator, Scene], Scene]]
    draw = {"single": single, "pair": pair, "count": several}
    while True:
        chosen = kind or str(rng.choice(list(KINDS), p=list(KINDS.values())))
        bare = setting(rng)
        scene = bare if chosen == "empty" else draw[chosen](rng, bare)
        colours = [thing.colour for thing in scene.things]
        told_apart = chosen != "pair" or not colours[0] or colours[0] != colours[1]
        if scene.valid() and told_apart:
            return scene
