"""The generation half as a part of a run: resumable, with columns beside each other, and LCM."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retouch.errors import Cancelled, RetouchError
from retouch.evaluation.autoencoder import round_trips
from retouch.evaluation.cases.pictures import unit
from retouch.evaluation.generation import skills
from retouch.evaluation.generation.drawing import draw as draw_prompts
from retouch.evaluation.generation.skills import SKILLS, Case, passed
from retouch.evaluation.judge.judge import Judge
from retouch.evaluation.judge.verdict import Verdict, shows
from retouch.evaluation.results.fingerprints import Fingerprints
from retouch.evaluation.results.journal import Journal, Line, Scores
from retouch.evaluation.results.summary import Value, value_of
from retouch.evaluation.scenes.scene import render
from retouch.imaging.image import Floats
from retouch.runner import Runner
from retouch_safety.save import save
from retouch_safety.sealed import Released

#: Suffix and steps of the few-step sibling.
LCM: Final = "-lcm"
LCM_STEPS: Final = 4
#: Pictures of every skill that are kept for the report.
SHOWN: Final = 6
_CHUNK: Final = 16


@dataclass(frozen=True)
class Generating:
    """What the part needs.

    Attributes:
        runner: the product's own.
        judge: says what pictures show.
        fingerprints: tell when weights have changed.
        journal: remembers.
        folder: pictures for the report go below it.
        on_case: told what is drawn and how many cases are done, of how many.
        cancelled: asked between chunks.
    """

    runner: Runner
    judge: Judge
    fingerprints: Fingerprints
    journal: Journal
    folder: Path
    on_case: Callable[[str, int, int], None] = lambda title, done, total: None
    cancelled: Callable[[], bool] = lambda: False

    def run(self, model: str, seed: int, count: int) -> Iterator[dict[str, Any]]:
        """Yield the part's results, growing: the bounds and the base network, then LCM.

        Args:
            model: installed; its sibling with ``-lcm`` is measured too, where there is one.
            seed: of the cases.
            count: cases of every skill.
        """
        cases = skills.cases(seed, count * len(SKILLS))
        results: dict[str, Any] = {"count": len(cases)}
        bounds = {"real": self._real(cases), "autoencoder": self._autoencoded(cases, model)}
        own, others = self._model(cases, model, model, None)
        results["base"] = {"status": "measured", **bounds, "generated": own, "shuffled": others}
        results["cases"] = [case.name for case in cases if _shows(case)]
        results["prompts"] = {case.name: case.prompt for case in cases if _shows(case)}
        yield results
        try:
            fast, _ = self._model(cases, model, model + LCM, LCM_STEPS)
        except RetouchError as problem:
            if isinstance(problem, Cancelled):
                raise
            yield results | {"lcm": {"status": "not shipped", "reason": str(problem)}}
            return
        relative = ratio(fast["single"], own["single"])
        lcm = {"status": "measured", "generated": fast, "steps": LCM_STEPS}
        yield results | {"lcm": lcm | ({"relative": relative} if relative else {})}

    def _real(self, cases: Sequence[Case]) -> dict[str, Value]:
        def draw(chunk: Sequence[Case]) -> list[Floats]:
            return [render(case.scene, skills.SIDE)[0] for case in chunk]

        return tally(self._lines("generation-real", "exact drawings", cases, draw), "passed")

    def _autoencoded(self, cases: Sequence[Case], model: str) -> dict[str, Value]:
        def draw(chunk: Sequence[Case]) -> list[Floats]:
            exact = [render(case.scene, skills.SIDE)[0] for case in chunk]
            return list(round_trips(exact, model, self.runner))

        weights = self.fingerprints.of([model])
        lines = self._lines("generation-autoencoder", "the autoencoder", cases, draw, weights)
        return tally(lines, "passed")

    def _model(
        self, cases: Sequence[Case], base: str, model: str, steps: int | None
    ) -> tuple[dict[str, Value], dict[str, Value]]:
        def draw(chunk: Sequence[Case]) -> list[Floats | None]:
            prompts = [(case.prompt, case.seed) for case in chunk]
            found = list(draw_prompts(prompts, model, self.runner, steps=steps))
            for case, picture in zip(chunk, found, strict=True):
                self._keep(model, case, picture)
            return [None if picture is None else unit(picture) for picture in found]

        weights = self.fingerprints.of([base, model])
        lines = self._lines(f"generation-{model}", model, cases, draw, weights)
        return tally(lines, "passed"), tally(lines, "shuffled")

    def _lines(
        self,
        key: str,
        title: str,
        cases: Sequence[Case],
        draw: Callable[[Sequence[Case]], Sequence[Floats | None]],
        weights: str = "",
    ) -> list[Line]:
        known = self.journal.read(key, weights)
        strangers = dict(zip((c.name for c in cases), skills.shuffled(cases), strict=True))
        todo = [case for case in cases if case.name not in known]
        self.on_case(title, len(cases) - len(todo), len(cases))
        for first in range(0, len(todo), _CHUNK):
            if self.cancelled():
                raise Cancelled("cancelled by the caller")
            chunk = todo[first : first + _CHUNK]
            for case, seen in zip(chunk, skills.look(self.judge, draw(chunk)), strict=True):
                line = Line(case.name, case.skill, _scores(case, strangers[case.name], seen))
                self.journal.add(key, line)
                known[case.name] = line
            self.on_case(title, len(cases) - len(todo) + first + len(chunk), len(cases))
        return [known[case.name] for case in cases]

    def _keep(self, model: str, case: Case, picture: Released | None) -> None:
        if picture is None or not _shows(case):
            return
        folder = self.folder / "pictures" / f"generation-{model}"
        folder.mkdir(parents=True, exist_ok=True)
        save(picture, folder / f"{case.name}.webp")


def tally(lines: Iterable[Line], measure: str) -> dict[str, Value]:
    """Return the share of every skill, of the first object and of the place, over all prompts."""
    rows = list(lines)
    known: dict[str, Value] = {}
    for skill in SKILLS:
        values = [line.scores[measure] for line in rows if line.kind == skill]
        if values:
            known[skill] = value_of(values, yes_or_no=True)
    for extra in ("present", "place") if measure == "passed" else ():
        known[extra] = value_of([line.scores[extra] for line in rows], yes_or_no=True)
    return known


def ratio(first: Value, second: Value) -> Value | None:
    """Return one share over another with its 95 % interval (Katz et al. 1978, log method)."""
    if first["value"] == 0 or second["value"] == 0:
        return None
    found = first["value"] / second["value"]
    spread = math.sqrt(sum((1 - s["value"]) / (s["value"] * s["count"]) for s in (first, second)))
    low, high = found * math.exp(-1.96 * spread), found * math.exp(1.96 * spread)
    return {
        "value": round(found, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "count": first["count"],
    }


def _scores(case: Case, stranger: Case, seen: Verdict | None) -> Scores:
    if seen is None:
        return {"passed": 0.0, "shuffled": 0.0, "present": 0.0, "place": 0.0}
    return {
        "passed": float(passed(case, seen)),
        "shuffled": float(passed(stranger, seen)),
        "present": float(shows(seen, case.scene.things[0].noun)),
        "place": float(seen.place == case.scene.place),
    }


def _shows(case: Case) -> bool:
    return int(case.name.rpartition("-")[2]) < SHOWN
