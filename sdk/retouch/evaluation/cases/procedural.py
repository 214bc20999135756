"""Cases made of procedural scenes: the exact answer is known, and every pixel that may change.

A case is known by its kind and its number alone, so that every setting
edits the same pictures, and what one setting gave can stand beside another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from retouch.evaluation.cases.case import Case
from retouch.evaluation.cases.pictures import around, differs, eight_bit, grown
from retouch.evaluation.scenes.captions import caption
from retouch.evaluation.scenes.edits import KINDS, Edit, sample_edit
from retouch.evaluation.scenes.scene import Scene, Thing, coverage, render
from retouch.evaluation.scenes.vocabulary import COLOURS
from retouch.imaging.image import Floats

#: Mixed into every seed: no training picture is drawn from the same stream.
STREAM: Final = 0x9E3779
#: Kinds that change what lies behind the objects.
SETTING_KINDS: Final = frozenset({"background", "light", "season"})
_OBJECT_SIZE: Final = 0.64
#: Cases of every kind whose pictures are kept for the report.
SHOWN: Final = 4


@dataclass(frozen=True)
class Scenes:
    """A source of procedural cases.

    Attributes:
        seed: of everything that is drawn.
        size: side of the pictures in pixels.
    """

    seed: int = 0
    size: int = 128

    def names(self, kinds: Sequence[str], count: int) -> list[str]:
        """Return the names of ``count`` cases, the kinds taking turns."""
        return [f"{kinds[i % len(kinds)]}-{i // len(kinds):04d}" for i in range(count)]

    def shows(self, name: str) -> bool:
        """Return whether a case's pictures are kept for the report."""
        return int(name.rpartition("-")[2]) < SHOWN

    def case(self, name: str) -> Case:
        """Return the case of a name, always the same one."""
        kind, _, digits = name.rpartition("-")
        number, position = int(digits), list(KINDS).index(kind)
        rng = np.random.default_rng([STREAM, self.seed, position, number])
        edit = sample_edit(rng, kind)
        before, masks_before = render(edit.before, self.size)
        target, masks_after = render(edit.after, self.size)
        before, target = eight_bit(before), eight_bit(target)
        mask = differs(before, target)
        for known, cover in _moved(edit, masks_before, masks_after):
            if known:
                mask = mask | (cover > 0)
        exact = mask.astype(np.float32)
        return Case(
            name=name,
            kind=kind,
            before=before,
            source_prompt=caption(edit.before),
            target_prompt=caption(edit.after),
            instruction=edit.instruction,
            mask=exact,
            hole=_hole(kind, exact),
            target=target,
            reference=self._reference(edit, rng),
            layout=coverage(masks_after, self.size),
            seed=number,
            edit=edit,
        )

    def _reference(self, edit: Edit, rng: np.random.Generator) -> Floats | None:
        """The wanted object alone before a plain colour of its own."""
        thing = wanted_thing(edit)
        if thing is None:
            return None
        alone = replace(thing, x=0.5, y=0.53, size=_OBJECT_SIZE)
        places = [place for place in COLOURS if Scene((alone,), place).valid()]
        picture, _ = render(Scene((alone,), str(rng.choice(places))), self.size)
        return eight_bit(picture)


def wanted_thing(edit: Edit) -> Thing | None:
    """Return the object that an edit asks for, or None where it asks for none."""
    if edit.kind in ("swap", "recolour", "move", "resize"):
        return edit.after.things[max(edit.subject, 0)]
    if edit.kind == "add":
        known = set(edit.before.things)
        return next(thing for thing in edit.after.things if thing not in known)
    return None


def _moved(
    edit: Edit, before: Sequence[Floats], after: Sequence[Floats]
) -> Iterator[tuple[bool, Floats]]:
    """Every object's cover in both pictures, and whether it is not the same in the other."""
    for thing, cover in zip(edit.before.things, before, strict=True):
        yield thing not in edit.after.things, cover
    for thing, cover in zip(edit.after.things, after, strict=True):
        yield thing not in edit.before.things, cover


def _hole(kind: str, mask: Floats) -> Floats:
    """What a user would draw: around an object roughly, along what lies behind it exactly."""
    if kind in SETTING_KINDS:
        return mask
    return grown(mask) if kind == "recolour" else grown(around(mask))
