"""The generation half of the yardstick: GenEval's six skills (Ghosh et al. 2023, 2310.11513).

Prompts are captions of procedural scenes, so the same scene drawn exactly is the bound from above,
that drawing after the autoencoder is what the network could reach at most, and another case's
prompt is chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from retouch.evaluation.judge.judge import Judge
from retouch.evaluation.judge.verdict import Verdict, bound, count, related, shows
from retouch.evaluation.results.intervals import Share, share
from retouch.evaluation.scenes import layouts
from retouch.evaluation.scenes.captions import caption
from retouch.evaluation.scenes.scene import Scene
from retouch.evaluation.scenes.vocabulary import COLOURS, COUNTS, NOUNS
from retouch.imaging.image import Floats

#: GenEval's skills, in its order.
SKILLS: Final = ("single", "two", "counting", "colours", "position", "binding")
COUNT: Final = 480
#: Mixed into every seed: no training picture is drawn from the same stream.
STREAM: Final = 0x6E_E7A1
#: Side in pixels of the exact drawings; the judge sees 128.
SIDE: Final = 128


@dataclass(frozen=True)
class Case:
    """One prompt and what the picture must show.

    Attributes:
        name: unique, for example ``binding-003``.
        skill: one of SKILLS.
        prompt: the scene's caption.
        scene: what the prompt describes.
        seed: of the noise.
    """

    name: str
    skill: str
    prompt: str
    scene: Scene
    seed: int


@dataclass(frozen=True)
class Scores:
    """One column: the share of cases that show what they should, per skill.

    Attributes:
        skills: by skill.
        mean: of the skills' shares, GenEval's overall score.
        present: cases of any skill whose first object is there, in whatever number and colour.
        place: cases whose background is the prompt's.
    """

    skills: dict[str, Share]
    mean: float
    present: Share
    place: Share

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return {
            "skills": {skill: found.to_json() for skill, found in self.skills.items()},
            "mean": self.mean,
            "present": self.present.to_json(),
            "place": self.place.to_json(),
        }


def cases(seed: int = 0, count: int = COUNT) -> list[Case]:
    """Return ``count`` cases, the skills taking turns, nouns and colours and counts balanced.

    Raises:
        ValueError: fewer cases than skills.
    """
    if count < len(SKILLS):
        raise ValueError(f"count: got {count}, need at least {len(SKILLS)}, one per skill")
    return [_case(seed, n % len(SKILLS), n // len(SKILLS)) for n in range(count)]


def _case(seed: int, skill: int, number: int) -> Case:
    rng = np.random.default_rng([STREAM, seed, skill, number])
    name, order = SKILLS[skill], seed * len(SKILLS) + skill
    while True:
        scene = _DRAW[name](rng, layouts.setting(rng), number, order)
        if scene.valid():
            noise = number * len(SKILLS) + skill
            return Case(f"{name}-{number:03d}", name, caption(scene), scene, noise)


def _turn(words: Sequence[str], number: int, order: int) -> str:
    """Return the word whose turn it is: all once, in the order of that number, then again."""
    turns = np.random.default_rng([STREAM, order, number // len(words)]).permutation(len(words))
    return words[int(turns[number % len(words)])]


def _single(rng: np.random.Generator, scene: Scene, number: int, order: int) -> Scene:
    found = layouts.single(rng, scene, _turn(NOUNS, number, order))
    thing = replace(found.things[0], colour="", x=0.5, size=float(rng.uniform(*layouts.SINGLE)))
    return replace(found, things=(thing,), position="centre")


def _coloured(rng: np.random.Generator, scene: Scene, number: int, order: int) -> Scene:
    found = _single(rng, scene, number, order)
    thing = replace(found.things[0], colour=_turn(tuple(COLOURS), number, order))
    return replace(found, things=(thing,))


def _pair(
    rng: np.random.Generator, scene: Scene, relation: str, colours: Sequence[str] = ("", "")
) -> Scene:
    found = layouts.pair(rng, scene, relation)
    pairs = zip(found.things, colours, strict=True)
    return replace(found, things=tuple(replace(thing, colour=c) for thing, c in pairs))


def _two(rng: np.random.Generator, scene: Scene, number: int, order: int) -> Scene:
    return _pair(rng, scene, "and")


def _bound(rng: np.random.Generator, scene: Scene, number: int, order: int) -> Scene:
    return _pair(rng, scene, "and", [str(c) for c in rng.choice(list(COLOURS), 2, replace=False)])


def _related(rng: np.random.Generator, scene: Scene, number: int, order: int) -> Scene:
    return _pair(rng, scene, ("left", "right", "above", "below")[number % 4])


def _counted(rng: np.random.Generator, scene: Scene, number: int, order: int) -> Scene:
    noun, many = _turn(NOUNS, number, order), list(COUNTS)[number % len(COUNTS)]
    return replace(scene, things=layouts.arranged(rng, noun, "", many))


_DRAW: Final[dict[str, Callable[[np.random.Generator, Scene, int, int], Scene]]] = {
    "single": _single,
    "two": _two,
    "counting": _counted,
    "colours": _coloured,
    "position": _related,
    "binding": _bound,
}


def passed(case: Case, verdict: Verdict) -> bool:
    """Return whether the picture shows what the case's skill asks for (GenEval, section 3)."""
    things = case.scene.things
    if case.skill == "counting":
        return count(verdict, things[0].noun) == len(things)
    if case.skill == "position":
        return related(verdict, things[0].noun, case.scene.relation, things[1].noun)
    return bound(verdict, tuple((thing.noun, thing.colour) for thing in things))


def score(given: Sequence[Case], pictures: Sequence[Floats | None], judge: Judge) -> Scores:
    """Judge one picture per case; a picture that the gate refused (None) shows nothing.

    ``pictures`` are (H, W, 3) in [0, 1], each of any size. Raises ValueError without cases, or
    with another number of pictures.
    """
    return tally(given, look(judge, pictures))


def look(judge: Judge, pictures: Sequence[Floats | None]) -> list[Verdict | None]:
    """Return the judge's verdict of every picture that there is."""
    return [None if p is None else judge.look(p[None])[0] for p in pictures]


def tally(given: Sequence[Case], verdicts: Sequence[Verdict | None]) -> Scores:
    """Return the shares of what ``verdicts`` say about the cases. Raises as ``score``."""
    pairs = list(zip(given, verdicts, strict=True))
    skills: dict[str, Share] = {}
    for skill in SKILLS:
        outcomes = [_holds(passed, case, seen) for case, seen in pairs if case.skill == skill]
        if outcomes:
            skills[skill] = share(outcomes)
    return Scores(
        skills=skills,
        mean=sum(found.share for found in skills.values()) / len(skills),
        present=share([_holds(_present, case, seen) for case, seen in pairs]),
        place=share([_holds(_placed, case, seen) for case, seen in pairs]),
    )


def _holds(test: Callable[[Case, Verdict], bool], case: Case, verdict: Verdict | None) -> bool:
    return verdict is not None and test(case, verdict)


def _present(case: Case, verdict: Verdict) -> bool:
    return shows(verdict, case.scene.things[0].noun)


def _placed(case: Case, verdict: Verdict) -> bool:
    return verdict.place == case.scene.place


def shuffled(given: Sequence[Case]) -> list[Case]:
    """Return for every case another one of its skill: whose prompt the picture was not made for."""
    found: list[Case] = list(given)
    for skill in SKILLS:
        own = [index for index, case in enumerate(given) if case.skill == skill]
        for index, other in zip(own, [*own[1:], *own[:1]], strict=True):
            found[index] = given[other]
    return found
