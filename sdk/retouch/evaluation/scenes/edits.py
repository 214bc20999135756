"""One-attribute edits of scenes: before, after and the instruction that leads from one to other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from retouch.evaluation.scenes.captions import count_phrase, object_phrase, place_phrase
from retouch.evaluation.scenes.layouts import SINGLE, SMALL, arranged, sample
from retouch.evaluation.scenes.scene import POSITIONS, Scene, Thing
from retouch.evaluation.scenes.vocabulary import (
    COLOURS,
    NIGHT_PLACES,
    NOUNS,
    PLACES,
    SEASON_PLACES,
    SEASONS,
)

#: The ten kinds of edit -> share among the training pairs.
KINDS: Final[dict[str, float]] = {
    "swap": 0.20,
    "recolour": 0.18,
    "add": 0.10,
    "remove": 0.10,
    "move": 0.07,
    "background": 0.15,
    "light": 0.06,
    "season": 0.06,
    "resize": 0.04,
    "count": 0.04,
}


@dataclass(frozen=True)
class Edit:
    """Two scenes that differ in one attribute, and the instruction.

    ``subject`` is the index in ``before.things`` of the edited object, -1 where there is none.
    """

    before: Scene
    after: Scene
    kind: str
    instruction: str
    subject: int = 0


Maker = Callable[[Scene, np.random.Generator], Edit | None]


def _pick(rng: np.random.Generator, *wordings: str) -> str:
    return str(rng.choice(wordings))


def _with(scene: Scene, index: int, thing: Thing) -> Scene:
    things = scene.things
    return replace(scene, things=(*things[:index], thing, *things[index + 1 :]))


def _swap(scene: Scene, rng: np.random.Generator) -> Edit | None:
    index = int(rng.integers(len(scene.things)))
    thing, other = scene.things[index], str(rng.choice(NOUNS))
    target = object_phrase(other, "")
    words = [f"turn the {thing.noun} into {target}", f"replace the {thing.noun} with {target}"]
    if len(scene.things) == 1:
        words.append(f"turn it into {target}")
    if other in {t.noun for t in scene.things}:
        return None
    after = _with(scene, index, replace(thing, noun=other))
    return Edit(scene, after, "swap", _pick(rng, *words), index)


def _recolour(scene: Scene, rng: np.random.Generator) -> Edit | None:
    index = int(rng.integers(len(scene.things)))
    thing, colour = scene.things[index], str(rng.choice(list(COLOURS)))
    words = [f"make the {thing.noun} {colour}", f"turn the {thing.noun} {colour}"]
    if len(scene.things) == 1:
        words.append(f"make it {colour}")
    if colour in {t.colour for t in scene.things}:
        return None
    after = _with(scene, index, replace(thing, colour=colour))
    return Edit(scene, after, "recolour", _pick(rng, *words), index)


def _add(scene: Scene, rng: np.random.Generator) -> Edit | None:
    if len(scene.things) == 1:
        thing = scene.things[0]
        words = f"add {object_phrase(thing.noun, thing.colour)}"
        if scene.position != "centre":
            words += f" on the {scene.position}"
        return Edit(replace(scene, things=(), position="centre"), scene, "add", words, -1)
    first, second = scene.things
    if scene.relation not in ("and", "left", "right"):
        return None
    side = "right" if second.x > first.x else "left"
    other = "left" if side == "right" else "right"
    before = replace(scene, things=(first,), relation="", position=other)
    words = f"add {object_phrase(second.noun, second.colour)} on the {side}"
    return Edit(before, scene, "add", words, -1)


def _remove(scene: Scene, rng: np.random.Generator) -> Edit | None:
    if len(scene.things) == 1:
        after = replace(scene, things=(), position="centre")
        words = _pick(rng, f"remove the {scene.things[0].noun}", "remove it")
        return Edit(scene, after, "remove", words)
    if scene.relation not in ("and", "left", "right"):
        return None
    index = int(rng.integers(2))
    gone, left = scene.things[index], scene.things[1 - index]
    position = "left" if left.x < gone.x else "right"
    after = replace(scene, things=(left,), relation="", position=position)
    return Edit(scene, after, "remove", f"remove the {gone.noun}", index)


def _move(scene: Scene, rng: np.random.Generator) -> Edit | None:
    thing = scene.things[0]
    target = str(rng.choice(list(POSITIONS)))
    if target == scene.position or thing.size > 0.53:
        return None
    moved = replace(thing, x=POSITIONS[target])
    where = "centre" if target == "centre" else target
    words = _pick(rng, f"move the {thing.noun} to the {where}", f"move it to the {where}")
    return Edit(scene, replace(scene, things=(moved,), position=target), "move", words)


def _background(scene: Scene, rng: np.random.Generator) -> Edit | None:
    place = str(rng.choice(list(COLOURS) if rng.random() < 0.3 else list(PLACES)))
    if place == scene.place or (scene.night and place not in NIGHT_PLACES):
        return None
    bare, where = place_phrase(place, bare=True), place_phrase(place)
    if place in COLOURS:
        words = _pick(rng, f"make the background {place}", f"change the background to {place}")
    elif where.startswith("at "):
        words = _pick(rng, f"make it {bare}", f"change the background to {bare}")
    else:
        words = _pick(rng, f"put it {where}", f"change the background to {bare}")
    after = replace(scene, place=place, season="")
    return Edit(scene, after, "background", words, -1)


def _light(scene: Scene, rng: np.random.Generator) -> Edit | None:
    if scene.place not in NIGHT_PLACES or scene.season:
        return None
    words = "make it day" if scene.night else _pick(rng, "make it night", "turn day into night")
    return Edit(scene, replace(scene, night=not scene.night), "light", words, -1)


def _season(scene: Scene, rng: np.random.Generator) -> Edit | None:
    target = str(rng.choice(["", *SEASONS]))
    if scene.place not in SEASON_PLACES or scene.night or target == scene.season:
        return None
    word = target or "summer"
    words = _pick(rng, f"make it {word}", f"change the season to {word}")
    return Edit(scene, replace(scene, season=target), "season", words, -1)


def _resize(scene: Scene, rng: np.random.Generator) -> Edit | None:
    thing = scene.things[0]
    if scene.position != "centre":
        return None
    small = thing.size <= SMALL[1]
    size = float(rng.uniform(*(SINGLE if small else SMALL)))
    word = "bigger" if small else "smaller"
    after = replace(scene, things=(replace(thing, size=size),))
    return Edit(scene, after, "resize", f"make the {thing.noun} {word}")


def _count(scene: Scene, rng: np.random.Generator) -> Edit | None:
    thing, old = scene.things[0], len(scene.things)
    count = int(rng.integers(2, 5))
    if count == old or scene.relation:
        return None
    things = arranged(rng, thing.noun, thing.colour, count)
    after = replace(scene, things=things, position="centre")
    return Edit(scene, after, "count", f"make it {count_phrase(thing.noun, '', count)}", -1)


_MAKERS: Final[dict[str, tuple[Maker, dict[str, float]]]] = {
    "swap": (_swap, {"single": 0.8, "pair": 0.2}),
    "recolour": (_recolour, {"single": 0.75, "pair": 0.25}),
    "add": (_add, {"single": 0.6, "pair": 0.4}),
    "remove": (_remove, {"single": 0.6, "pair": 0.4}),
    "move": (_move, {"single": 1.0}),
    "background": (_background, {"single": 0.75, "pair": 0.15, "empty": 0.1}),
    "light": (_light, {"single": 0.7, "pair": 0.15, "empty": 0.15}),
    "season": (_season, {"single": 0.7, "pair": 0.15, "empty": 0.15}),
    "resize": (_resize, {"single": 1.0}),
    "count": (_count, {"single": 0.5, "count": 0.5}),
}


def sample_edit(rng: np.random.Generator, kind: str | None = None) -> Edit:
    """Draw a random edit whose two scenes are both valid; ``kind`` (of KINDS) fixes its kind."""
    chosen = kind or str(rng.choice(list(KINDS), p=list(KINDS.values())))
    make, shares = _MAKERS[chosen]
    while True:
        scene = sample(rng, str(rng.choice(list(shares), p=list(shares.values()))))
        edit = make(scene, rng)
        if edit is not None and edit.before.valid() and edit.after.valid():
            return edit
