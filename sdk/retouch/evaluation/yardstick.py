"""A whole run: its parts one after the other, the results written after every row."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from retouch.errors import InvalidField, ModelInvalid
from retouch.evaluation import speed
from retouch.evaluation.cases.case import Source
from retouch.evaluation.cases.procedural import Scenes
from retouch.evaluation.curves import points
from retouch.evaluation.curves.knobs import CURVES, Curve
from retouch.evaluation.editing import table
from retouch.evaluation.editing.bench import Bench
from retouch.evaluation.editing.comparisons import COMPARISONS, Comparison
from retouch.evaluation.editing.resumable import CHUNK, CHUNK_ON_GPU, Measuring
from retouch.evaluation.editing.scorer import Scorer
from retouch.evaluation.generation.columns import Generating
from retouch.evaluation.judge.judge import WEIGHTS, Judge
from retouch.evaluation.measures.clip import Resemblance, clip_name
from retouch.evaluation.results import file as results
from retouch.evaluation.results import goals
from retouch.evaluation.results.fingerprints import Fingerprints, of_file
from retouch.evaluation.results.journal import Journal
from retouch.models.geometry import read_geometry
from retouch.models.library import Library
from retouch.models.records import find_model
from retouch.runner import Runner

Part = Literal["generation", "editing", "curves", "speed"]
PARTS: Final[tuple[Part, ...]] = ("generation", "editing", "curves", "speed")
#: Cases of a row's side without the operation, as a share of those with it. It costs as much per
#: case, and is there to compare with: its interval is about twice as wide.
WITHOUT_SHARE: Final = 1 / 4
#: Cases of a point of a curve, as a share of those of a row of the table.
CURVE_SHARE: Final = 1 / 8
#: The least of both; a report shows ten cases of a row.
LEAST_CASES: Final = 10


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        parts: of PARTS, in their order.
        count: cases of every row of the tables.
        without_count: cases of every row's side without the operation; None takes a quarter of
            ``count``.
        curve_count: cases of every point of a curve; None takes an eighth of ``count``.
        seed: of all cases.
        model: installed; its siblings and adapters are measured with it.
        out: folder for results, scores and pictures.
        fresh: forget what an earlier run left there.
        device: where models run; None takes CUDA when there is one.
        source: cases other than the procedural scenes.
        rows: keys of the rows and curves to measure; empty means all.
    """

    parts: tuple[Part, ...] = PARTS
    count: int = 400
    without_count: int | None = None
    curve_count: int | None = None
    seed: int = 0
    model: str = "retouch-mini"
    out: Path = Path("evaluation")
    fresh: bool = False
    device: str | None = None
    source: Source | None = None
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Watch:
    """Who is told how far a run is.

    Attributes:
        on_part: title of a row or a curve, how many of its part are done, of how many.
        on_case: what is measured, how many cases are done, of how many.
        on_results: the results so far.
        cancelled: True stops between cases and keeps what was done.
    """

    on_part: Callable[[str, int, int], None] = lambda title, done, total: None
    on_case: Callable[[str, int, int], None] = lambda title, done, total: None
    on_results: Callable[[results.Results], None] = lambda found: None
    cancelled: Callable[[], bool] = lambda: False


class Yardstick:
    """One run. What an earlier run of the same seed and weights measured is kept.

    Args:
        options: what to run.
        watch: told how far it is.
        judge: the one that ships with Retouch when None.

    Raises:
        InvalidField: the folder holds scores of something else.
        ModelMissing: the model is not installed.
        ModelInvalid: the judge's weights are missing or know other words.
    """

    def __init__(self, options: Options, watch: Watch, judge: Judge | None = None) -> None:
        self.options = options
        self.watch = watch
        library = Library(device=options.device)
        self.device = str(library.device)
        self.size = read_geometry(find_model(options.model)).native_size
        self.runner = Runner(library, row_cap=16 if self.device == "cpu" else 128)
        self.judge = judge or load_judge(self.device)
        self.fingerprints = Fingerprints()
        self.file = options.out / "results.json"
        if options.fresh:
            shutil.rmtree(options.out / "pictures", ignore_errors=True)
        options.out.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(options.out, self._about(), fresh=options.fresh)
        self.found = self._start()

    def run(self) -> results.Results:
        """Run all parts; ``results.json`` is written after each row and holds what is done so far.

        Raises:
            Cancelled: what was done is kept.
            RetouchError: something failed on the way.
        """
        runs: dict[Part, Callable[[], None]] = {
            "generation": self._generation,
            "editing": self._editing,
            "curves": self._curves,
            "speed": self._speed,
        }
        for part in self.options.parts:
            runs[part]()
        return self.found

    def _about(self) -> dict[str, object]:
        options = self.options
        return {
            "model": options.model,
            "seed": options.seed,
            "size": self.size,
            "source": "" if options.source is None else repr(options.source),
            "judge": of_file(WEIGHTS),
            "clip": self.fingerprints.of_one(clip_name(options.model)),
        }

    def _start(self) -> results.Results:
        options = self.options
        weights = self.fingerprints.of_family(options.model)
        about = results.about(options.model, weights, options.seed, options.count, self.device)
        about["size"] = self.size
        about["clip"] = clip_name(options.model)
        about["source"] = "procedural scenes" if options.source is None else str(options.source)
        known: results.Results = {}
        if self.file.is_file() and not options.fresh:
            known = results.read(self.file)
        kept = {part: known[part] for part in PARTS if part in known}
        return about | kept

    def _write(self, part: Part, found: Any) -> None:
        self.found[part] = found
        if self.options.source is None:
            self.found["goals"] = list(goals.judge(self.found))
        results.write(self.found, self.file)
        self.watch.on_results(self.found)

    def _measuring(self) -> Measuring:
        options, library = self.options, self.runner.library
        name = clip_name(options.model)
        return Measuring(
            bench=Bench(self.runner, options.model),
            scorer=Scorer(self.judge, Resemblance(library, name) if name else None),
            journal=self.journal,
            source=options.source or Scenes(options.seed, self.size),
            folder=options.out,
            chunk=CHUNK if self.device == "cpu" else CHUNK_ON_GPU,
            on_case=self.watch.on_case,
            cancelled=self.watch.cancelled,
        )

    def _generation(self) -> None:
        self.watch.on_part("generation", 0, 1)
        part = Generating(
            runner=self.runner,
            judge=self.judge,
            fingerprints=self.fingerprints,
            journal=self.journal,
            folder=self.options.out,
            on_case=self.watch.on_case,
            cancelled=self.watch.cancelled,
        )
        for found in part.run(self.options.model, self.options.seed, self.options.count):
            self._write("generation", found)

    def _editing(self) -> None:
        chosen = [c for c in COMPARISONS if self._chosen(c.key)]

        def on_row(row: Comparison, done: int, total: int) -> None:
            self.watch.on_part(row.title, done, total)

        rows = table.run(self._measuring(), self.options.count, chosen, on_row, self._without())
        for row in rows:
            self._write("editing", _merged(self.found.get("editing", []), row, _EDITING_ORDER))

    def _without(self) -> int:
        wanted = self.options.without_count
        if wanted is None:
            return max(LEAST_CASES, round(self.options.count * WITHOUT_SHARE))
        return wanted

    def _curves(self) -> None:
        chosen = [c for c in CURVES if self._chosen(c.key)]
        count = self.options.curve_count
        if count is None:
            count = max(LEAST_CASES, round(self.options.count * CURVE_SHARE))

        def on_curve(curve: Curve, done: int, total: int) -> None:
            self.watch.on_part(curve.title, done, total)

        for curve in points.run(self._measuring(), count, chosen, on_curve):
            self._write("curves", _merged(self.found.get("curves", []), curve, _CURVE_ORDER))

    def _speed(self) -> None:
        self.watch.on_part("speed", 0, 1)
        bench = Bench(self.runner, self.options.model)
        self._write("speed", speed.run(bench, Scenes(self.options.seed, self.size)))

    def _chosen(self, key: str) -> bool:
        return not self.options.rows or key in self.options.rows


_EDITING_ORDER: Final = tuple(row.key for row in COMPARISONS)
_CURVE_ORDER: Final = tuple(curve.key for curve in CURVES)


def _merged(
    known: list[dict[str, Any]], row: dict[str, Any], order: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The rows with one of them new, in the order of the table."""
    rows = {entry["key"]: entry for entry in known} | {row["key"]: row}
    return [rows[key] for key in order if key in rows]


def load_judge(device: str) -> Judge:
    """Return the judge that ships with Retouch.

    Raises:
        ModelInvalid: its weights are missing or know other words.
    """
    try:
        return Judge.load(device)
    except (OSError, ValueError) as problem:
        fix = "run `python -m training.judge`, or install Retouch again"
        raise ModelInvalid("judge", str(problem), fix) from problem


def check_rows(rows: tuple[str, ...]) -> None:
    """Refuse names of rows that do not exist. Raises InvalidField."""
    known = (*_EDITING_ORDER, *_CURVE_ORDER)
    for row in rows:
        if row not in known:
            allowed = ", ".join(dict.fromkeys(known))
            raise InvalidField("--row", row, allowed, "use one of these")
