"""The editing table: every comparison measured on its cases, with the operation and without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from retouch.errors import CannotCombine, ModelError
from retouch.evaluation.cases.case import Case
from retouch.evaluation.cases.procedural import Scenes
from retouch.evaluation.editing.bench import Bench
from retouch.evaluation.editing.comparisons import COMPARISONS, Comparison
from retouch.evaluation.editing.resumable import Measuring
from retouch.evaluation.editing.settings import Setting, settings
from retouch.evaluation.results.journal import Line
from retouch.evaluation.results.summary import Value, by_kind, summarise
from retouch.plan import layout_of

#: What can be measured where nobody knows the exact answer.
_WITHOUT_SCENES: Final = (
    "structure",
    "background_psnr",
    "text_similarity",
    "direction_similarity",
)
#: A comparison as it goes into the results.
Row: TypeAlias = dict[str, Any]


def run(
    measuring: Measuring,
    count: int,
    comparisons: Sequence[Comparison] = COMPARISONS,
    on_row: Callable[[Comparison, int, int], None] = lambda row, done, total: None,
    without_count: int | None = None,
) -> Iterator[Row]:
    """Yield one row per comparison as soon as it is measured.

    Args:
        measuring: edits, looks and remembers.
        count: cases of every comparison.
        comparisons: what to measure.
        on_row: told before each row, with how many are done, of how many.
        without_count: cases of the side without the operation, the first ones; None takes all.

    Raises:
        Cancelled: what was done is kept.
    """
    for done, comparison in enumerate(comparisons):
        on_row(comparison, done, len(comparisons))
        yield row(measuring, comparison, count, without_count)


def row(
    measuring: Measuring, comparison: Comparison, count: int, without_count: int | None = None
) -> Row:
    """Measure one comparison; where a model is missing, the row says which."""
    names = measuring.source.names(comparison.kinds, count)
    on = settings()[comparison.on]
    off = settings()[comparison.off] if comparison.off else None
    about = _about(comparison, on, off)
    names, lacking = able(measuring, names, [on, *([off] if off else [])])
    if not names:
        return about | {"status": "no cases", "reason": f"no case has a {lacking}"}
    problem = missing(measuring.bench, comparison, on, measuring, names[0])
    if problem:
        return about | {"status": "not shipped", "reason": problem}
    try:
        found = _measured(measuring, on, off, names, without_count)
    except (ModelError, CannotCombine) as problem:  # what only loading the weights could tell
        return about | {"status": "not shipped", "reason": str(problem)}
    return about | found | {"measures": shown(comparison.measures, found["on"])}


def _measured(
    measuring: Measuring,
    on: Setting,
    off: Setting | None,
    names: Sequence[str],
    without_count: int | None,
) -> Row:
    lines = measuring.measure(on, names)
    about: Row = {
        "status": "measured",
        "count": len(lines),
        "on": summarise(lines.values()),
        "by_kind": by_kind(lines),
    }
    others: dict[str, Line] = {}
    if off is not None:
        first = names if off.given else names[:without_count]  # what is given costs nothing
        others = measuring.measure(off, first)
        about |= {"off": summarise(others.values()), "off_by_kind": by_kind(others)}
    kept = [name for name in lines if measuring.source.shows(name)]
    about["cases"] = [_shown(measuring.source.case(name), lines, others) for name in kept]
    return about


def shown(wanted: Sequence[str], found: Mapping[str, Value]) -> list[str]:
    """Return the measures to show first: those wanted, or what users' own pictures allow."""
    known = [key for key in wanted if key in found]
    if len(known) < len(wanted):
        known += [key for key in _WITHOUT_SCENES if key in found and key not in known]
    return known


def _shown(case: Case, lines: dict[str, Line], others: dict[str, Line]) -> Row:
    """A case whose pictures are in the report: its words, and whether the judge saw the edit."""
    found: Row = {
        "name": case.name,
        "kind": case.kind,
        "source": case.source_prompt,
        "target": case.target_prompt,
        "instruction": case.instruction,
    }
    for name, known in (("on", lines), ("off", others)):
        scores = known[case.name].scores if case.name in known else {}
        if "followed" in scores:
            found[name] = bool(scores["followed"])
    return found


def able(
    measuring: Measuring, names: Sequence[str], wanted: Sequence[Setting]
) -> tuple[list[str], str]:
    """Return the cases that have what all settings need, and what the others lack."""
    kept: list[str] = []
    lacking = ""
    known: dict[str, str] = {}
    for name in names:
        # Scenes of one kind are alike in what they have; users' own pictures are not.
        alike = name.rpartition("-")[0] if isinstance(measuring.source, Scenes) else name
        if alike not in known:
            case = measuring.source.case(name)
            known[alike] = next((lack for setting in wanted if (lack := setting.lacks(case))), "")
        lacking = lacking or known[alike]
        if not known[alike]:
            kept.append(name)
    return kept, lacking


def missing(
    bench: Bench, comparison: Comparison, on: Setting, measuring: Measuring, name: str
) -> str:
    """Return what is not installed that the comparison needs, or nothing."""
    case = measuring.source.case(name)
    try:
        bench.check(on, case)
    except (ModelError, CannotCombine) as problem:
        return str(problem)
    if comparison.network is None:
        return ""
    plan = bench.runner.plan(on.request(case, bench.runner.catalog, bench.model))
    if layout_of(plan.geometry) == comparison.network:
        return ""
    return f"no {comparison.network} network is installed beside {bench.model!r}"


def _about(comparison: Comparison, on: Setting, off: Setting | None) -> Row:
    return {
        "key": comparison.key,
        "title": comparison.title,
        "combined": comparison.combined,
        "kinds": list(comparison.kinds),
        "measures": list(comparison.measures),
        "without": comparison.without,
        "settings": {
            "on": {"key": on.key, "title": on.title, "operations": on.describe()},
            **({"off": {"key": off.key, "title": off.title, "operations": off.describe()}}
               if off else {}),
        },
    }  # fmt: skip
