"""Draw edits as pictures: whole scenes of 128 px, and close-ups of 64 px.

A close-up is a window around one object, a quarter of a whole scene, with an object as large as in
scenes of two to four. The nouns' outlines, which take longest to learn, are seen more often: two
cores train on 80 close-ups a second, or on 28 whole scenes of 1.55 objects on average.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from retouch.evaluation.scenes.edits import Edit, sample_edit
from retouch.evaluation.scenes.places import Picture
from retouch.evaluation.scenes.scene import Scene, render

#: Sides in pixels.
SIZE: Final = 128
WINDOW: Final = 64
#: Kinds of edit of close-ups -> share; the others move, resize or count objects.
NEAR_KINDS: Final[dict[str, float]] = {
    "swap": 0.30,
    "recolour": 0.25,
    "background": 0.19,
    "add": 0.08,
    "remove": 0.08,
    "light": 0.05,
    "season": 0.05,
}
#: Longest side of a close-up's object as a share of 128 px, as in scenes of two to four.
NEAR_SIZES: Final = (0.38, 0.49)
#: Pixels by which it may lie off the window's centre.
OFF: Final = 5.0


@dataclass(frozen=True, eq=False)
class Drawn:
    """An edit with both pictures, (side, side, 3) in [0, 1], and the masks of their objects."""

    edit: Edit
    before: Picture
    after: Picture
    old: list[Picture]
    new: list[Picture]


def whole(rng: np.random.Generator, kind: str | None = None) -> Drawn:
    """Draw an edit of a whole scene; ``kind`` (of ``edits.KINDS``) fixes its kind."""
    edit = sample_edit(rng, kind)
    (before, old), (after, new) = render(edit.before, SIZE), render(edit.after, SIZE)
    return Drawn(edit, before, after, old, new)


def near(rng: np.random.Generator) -> Drawn:
    """Draw a close-up of an edit.

    The edit's scenes do not say where the object lies: the window has it in the middle.
    """
    edit = _single(rng)
    size = float(rng.uniform(*NEAR_SIZES))
    x, y = (float(v) for v in rng.uniform(size / 2, 1 - size / 2, size=2))
    corner = np.array([y, x]) * SIZE - WINDOW / 2 + rng.uniform(-OFF, OFF, size=2)
    top, left = np.clip(np.round(corner), 0, SIZE - WINDOW).astype(int)
    window = np.s_[top : top + WINDOW, left : left + WINDOW]
    (before, old), (after, new) = (
        render(_placed(scene, x, y, size), SIZE) for scene in (edit.before, edit.after)
    )
    return Drawn(
        edit, before[window], after[window], [m[window] for m in old], [m[window] for m in new]
    )


def _single(rng: np.random.Generator) -> Edit:
    """Draw an edit of at most one object, in the middle and of ordinary size."""
    kind = str(rng.choice(list(NEAR_KINDS), p=list(NEAR_KINDS.values())))
    while True:
        edit = sample_edit(rng, kind)
        scenes = edit.before, edit.after
        if all(len(s.things) < 2 and s.position == "centre" for s in scenes):
            return replace(edit, **{n: _ordinary(getattr(edit, n)) for n in ("before", "after")})


def _ordinary(scene: Scene) -> Scene:
    return replace(scene, things=tuple(replace(thing, size=0.6) for thing in scene.things))


def _placed(scene: Scene, x: float, y: float, size: float) -> Scene:
    moved = tuple(replace(thing, x=x, y=y, size=size) for thing in scene.things)
    return replace(scene, things=moved)
