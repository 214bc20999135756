"""The points of a curve: its settings measured on the same cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from retouch.errors import CannotCombine, ModelError
from retouch.evaluation.cases.procedural import Scenes
from retouch.evaluation.curves.knobs import CURVES, Curve
from retouch.evaluation.curves.realism import kernel_distance, real_features
from retouch.evaluation.editing.resumable import Measuring
from retouch.evaluation.editing.table import able
from retouch.evaluation.results.journal import Line
from retouch.evaluation.results.summary import Value, summarise

#: A curve as it goes into the results.
Drawn: TypeAlias = dict[str, Any]


def run(
    measuring: Measuring,
    count: int,
    curves: Sequence[Curve] = CURVES,
    on_curve: Callable[[Curve, int, int], None] = lambda curve, done, total: None,
) -> Iterator[Drawn]:
    """Yield one curve as soon as it is measured.

    Args:
        measuring: edits, looks and remembers.
        count: cases of every point.
        curves: what to measure.
        on_curve: told before each curve, with how many are done, of how many.

    Raises:
        Cancelled: what was done is kept.
    """
    for done, curve in enumerate(curves):
        on_curve(curve, done, len(curves))
        yield draw(measuring, curve, count)


def draw(measuring: Measuring, curve: Curve, count: int) -> Drawn:
    """Measure one curve; where a model is missing, the curve says which."""
    first = curve.setting(curve.values[0], curve.series[1][0])
    names = measuring.source.names(curve.kinds, count)
    names, lacking = able(measuring, names, [first])
    about: Drawn = {
        "key": curve.key,
        "title": curve.title,
        "knob": curve.knob,
        "series": curve.series[0],
        "paired": curve.paired,
        "default": curve.default,
        "measures": list(curve.measures),
        "kinds": list(curve.kinds),
        "operation": str(curve.operation),
    }
    if not names:
        return about | {"status": "no cases", "reason": f"no case has a {lacking}", "lines": []}
    try:
        measuring.bench.check(first, measuring.source.case(names[0]))
        lines = [_line(measuring, curve, other, names) for other in curve.series[1]]
    except (ModelError, CannotCombine) as problem:
        return about | {"status": "not shipped", "reason": str(problem), "lines": []}
    return about | {"status": "measured", "count": len(names), "lines": lines}


def _line(measuring: Measuring, curve: Curve, other: float, names: Sequence[str]) -> Drawn:
    features = "realism" in curve.measures
    points: list[Drawn] = []
    for value in curve.values:
        found = measuring.measure(curve.setting(value, other), names, features=features)
        known = summarise(found.values())
        if features:
            known |= _realism(measuring, curve, found)
        points.append({"x": value, "values": {key: known[key] for key in curve.measures
                                              if key in known}})  # fmt: skip
    return {"value": other, "points": points}


def _realism(measuring: Measuring, curve: Curve, lines: Mapping[str, Line]) -> dict[str, Value]:
    if not isinstance(measuring.source, Scenes):
        return {}  # nobody knows what real pictures of a user's kind look like
    real = real_features(measuring.scorer.judge, measuring.source, curve.kinds, len(lines))
    rows = [line.features for line in lines.values() if line.features]
    found = kernel_distance(rows, real)
    return {} if found is None else {"realism": found}
