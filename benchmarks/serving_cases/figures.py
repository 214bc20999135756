"""Figures of served requests."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from serving_cases.load import PARTS, Served
from serving_cases.trace import KINDS

#: How many times its time alone a request may take.
PATIENCE: Final = 3.0
#: Limits in seconds that do not depend on the class.
FIXED: Final = (1.0, 5.0)


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median with range."""
    known = list(values)
    return {"median": statistics.median(known), "least": min(known), "most": max(known)}


def of_class(served: Sequence[Served]) -> dict[str, Any]:
    """Mean and percentiles of the seconds; the 99th of few is nearly the greatest."""
    seconds = [each.seconds for each in served]
    whole = [each.parts for each in served if each.parts]
    return {
        "requests": len(seconds),
        "mean": statistics.fmean(seconds),
        "p50": float(np.percentile(seconds, 50)),
        "p99": float(np.percentile(seconds, 99)),
        "parts": {part: statistics.fmean(way[part] for way in whole) for part in PARTS if whole},
    }


def of_run(
    served: Sequence[Served], rate: float, solo: Mapping[str, float], forwards: Sequence[Any]
) -> dict[str, Any]:
    """All figures of one window.

    Args:
        served: its requests.
        rate: at which they came, per second.
        solo: seconds of each class alone.
        forwards: the engine's, as its diary has them.
    """
    good = [not each.refused and each.seconds <= PATIENCE * solo[each.kind] for each in served]
    window = len(served) / rate
    ends = max(each.at + each.seconds for each in served)
    found: dict[str, Any] = {
        "all": of_class(served),
        **{
            kind.name: of_class(some)
            for kind in KINDS
            if (some := [each for each in served if each.kind == kind.name])
        },
        "in_time_share": sum(good) / len(good),
        "goodput_per_second": sum(good) / window if math.isfinite(rate) else None,
        "throughput_per_second": len(served) / (ends - min(each.at for each in served)),
        "refused": sorted(each.refused for each in served if each.refused),
        "sent_late_seconds": max(each.sent - each.at for each in served),
        **of_forwards(forwards),
    }
    for limit in FIXED:
        within = [not each.refused and each.seconds <= limit for each in served]
        found[f"share_within_{limit:g}_s"] = sum(within) / len(within)
    return found


def of_forwards(forwards: Sequence[Any]) -> dict[str, Any]:
    """What the engine's network calls were like."""
    known = [each for each in forwards if each["rows"]]
    if not known:
        return {"forwards": 0}
    rows = sum(each["rows"] for each in known)
    seconds = [each["at"] - each["begin"] for each in known]
    return {
        "forwards": len(known),
        "rows_per_forward": rows / len(known),
        "edits_per_forward": statistics.fmean(each["edits"] for each in known),
        "milliseconds_per_row": sum(seconds) / rows * 1e3,
        "longest_forward_ms": max(seconds) * 1e3,
    }


def merged(runs: Sequence[Mapping[str, Any]], served: Sequence[Served]) -> dict[str, Any]:
    """Several windows at one rate: latencies of all requests together, the rest with its range.

    Args:
        runs: the figures of each window.
        served: the requests of all of them.
    """
    kinds = ["all", *(kind.name for kind in KINDS if kind.name in runs[0])]
    found: dict[str, Any] = {}
    for name in kinds:
        some = [each for each in served if name in ("all", each.kind)]
        known = [run[name] for run in runs]
        of_runs = {key: spread(run[key] for run in known) for key in ("mean", "p50", "p99")}
        found[name] = {"together": of_class(some), "of_runs": of_runs}
    for key in ("in_time_share", "goodput_per_second", "rows_per_forward", "edits_per_forward"):
        found[key] = spread(run[key] for run in runs)
    return found
