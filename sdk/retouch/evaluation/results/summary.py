"""Summaries: means and shares with their intervals, as they go into the results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from retouch.evaluation.measures.measure import MEASURES
from retouch.evaluation.results.intervals import mean, share
from retouch.evaluation.results.journal import Line

#: ``value``, ``low`` and ``high`` (95 %), and ``count``.
Value: TypeAlias = dict[str, float]


def value_of(values: Sequence[float], *, yes_or_no: bool) -> Value:
    """Return the share (Wilson) or the mean (bootstrap) of some values with its interval."""
    if yes_or_no:
        known = share([value > 0.5 for value in values])
        return _value(known.share, known.low, known.high, known.count)
    found = mean(values)
    return _value(found.mean, found.low, found.high, found.count)


def summarise(lines: Iterable[Line]) -> dict[str, Value]:
    """Return every measure that the lines have, by key."""
    rows = [line.scores for line in lines]
    known: dict[str, Value] = {}
    for key, measure in MEASURES.items():
        values = [row[key] for row in rows if key in row]
        if values:
            known[key] = value_of(values, yes_or_no=measure.share)
    return known


def by_kind(lines: Mapping[str, Line]) -> dict[str, dict[str, Value]]:
    """Return the summary of every kind of edit."""
    kinds = dict.fromkeys(line.kind for line in lines.values())
    return {kind: summarise(line for line in lines.values() if line.kind == kind) for kind in kinds}


def _value(value: float, low: float, high: float, count: int) -> Value:
    return {
        "value": round(value, 5),
        "low": round(low, 5),
        "high": round(high, 5),
        "count": count,
    }
