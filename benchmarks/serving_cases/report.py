"""What was found, in short: figures with goals, tables, and where the time goes."""

from __future__ import annotations

import statistics
from typing import Any, Final

from serving_cases import figures, trace
from serving_cases.contender import OURS, REFERENCE
from serving_cases.load import Served

#: The load at which goals are judged, relative to B1's capacity.
MAIN: Final = 0.8
#: name, goal, whether smaller is better
GOALS = (
    ("live_p99_vs_b1_at_0.8", 0.1, True),
    ("mean_vs_b1_at_0.8", 0.7, True),
    ("goodput_vs_b1_at_0.8", 1.6, False),
    ("burst_throughput_vs_b1", 1.0, False),
    ("grpc_vs_in_process", 1.03, True),
    ("p99_cancel_to_free_steps", 1.0, True),
    ("rows_started_after_cancel", 0, True),
    ("first_preview_beyond_one_step_ms", 20.0, True),
    ("second_edit_vs_first", 0.75, True),
)


def compared(runs: dict[str, list[tuple[dict[str, Any], list[Served]]]]) -> dict[str, Any]:
    """Both sides at one load, and ours against the other's in every window."""
    found: dict[str, Any] = {}
    for name, windows in runs.items():
        served = [each for _, some in windows for each in some]
        known = [run for run, _ in windows]
        found[name] = {"merged": figures.merged(known, served), "windows": known}
    if len(runs) < 2:
        return found
    ours, theirs = (
        [run for run, _ in runs[side.name]] for side in (OURS, REFERENCE)
    )  # fmt: skip
    pairs = list(zip(ours, theirs, strict=True))
    found["ratios"] = {
        "mean": figures.spread(a["all"]["mean"] / b["all"]["mean"] for a, b in pairs),
        "live_p99": figures.spread(a["live"]["p99"] / b["live"]["p99"] for a, b in pairs),
        "goodput": figures.spread(
            a["in_time_share"] / max(b["in_time_share"], 1 / b["all"]["requests"]) for a, b in pairs
        ),
    }
    return found


def summary(found: dict[str, Any]) -> dict[str, float]:
    """The figures with goals, of what is there."""
    known: dict[str, float] = {}
    ratios = found["loads"].get(f"{MAIN:g}", {}).get("ratios")
    if ratios:
        known["live_p99_vs_b1_at_0.8"] = ratios["live_p99"]["median"]
        known["mean_vs_b1_at_0.8"] = ratios["mean"]["median"]
        known["goodput_vs_b1_at_0.8"] = ratios["goodput"]["median"]
    if "burst" in found:
        rates = [found["burst"][side.name]["requests_per_second"] for side in (OURS, REFERENCE)]
        known["burst_throughput_vs_b1"] = rates[0] / rates[1]
    for part, key, name in (
        ("overhead", "grpc_vs_in_process", "grpc_vs_in_process"),
        ("cancels", "p99_cancel_to_free_steps", "p99_cancel_to_free_steps"),
        ("cancels", "rows_started_after_cancel", "rows_started_after_cancel"),
        ("previews", "beyond_one_step_ms", "first_preview_beyond_one_step_ms"),
        ("second_edit", "second_vs_first", "second_edit_vs_first"),
    ):
        if part in found:
            known[name] = found[part][key]
    return known


def verdicts(found: dict[str, Any]) -> list[tuple[str, float, str, str]]:
    """Name, value, goal and whether it is met, of what was measured."""
    known, lines = summary(found), []
    for name, goal, smaller in GOALS:
        if name in known:
            met = known[name] <= goal if smaller else known[name] >= goal
            sign = "<=" if smaller else ">="
            lines.append((name, known[name], f"{sign} {goal}", "met" if met else "missed"))
    return lines


def latencies(found: dict[str, Any]) -> list[tuple[object, ...]]:
    """Rows of the table of latencies: seconds of every class, at every load, on both sides."""
    rows: list[tuple[object, ...]] = []
    for load, sides in found["loads"].items():
        for name in (REFERENCE.name, OURS.name):
            merged = sides[name]["merged"]
            for kind in ["all", *(kind.name for kind in trace.KINDS)]:
                if kind in merged:
                    one = merged[kind]["together"]
                    in_time = merged["in_time_share"]["median"] if kind == "all" else ""
                    cells = (one["requests"], one["mean"], one["p50"], one["p99"], in_time)
                    rows.append((load, name, kind, *cells))
    return rows


def explain(found: dict[str, Any]) -> list[str]:
    """Where the time goes: what holds back the figures above."""
    lines = []
    for side in (REFERENCE, OURS):
        both = found["loads"].get(f"{MAIN:g}", {}).get(side.name)
        if both:
            lines += _of_side(side.name, both, found.get("peak_bytes", {}).get(side.name, {}))
    if "overhead" in found:
        known = found["overhead"]
        lines.append(
            f"an edit through gRPC takes {known['grpc_overhead_ms']:.0f} ms more than in process, "
            f"where gate and file are {known['gate_and_file_ms']:.0f} ms"
        )
    if "second_edit" in found:
        known = found["second_edit"]
        share = known["engine_second_vs_first"]
        lines.append(f"of a second 4-step edit the engine takes {share:.2f} of the first's time")
    if "previews" in found:
        known = found["previews"]["after_the_step_ms"]["median"]
        lines.append(f"a preview is there {known:.0f} ms after its step")
    return lines


def _of_side(name: str, both: dict[str, Any], peaks: dict[str, int]) -> list[str]:
    windows = both["windows"]
    cpu = {
        part: statistics.median(run["cpu_ms_per_request"][part] for run in windows)
        for part in windows[0]["cpu_ms_per_request"]
    }
    rows = both["merged"]["rows_per_forward"]["median"]
    longest = max(run["longest_forward_ms"] for run in windows)
    lines = [
        f"{name}: {_listed(cpu)} ms of processor time a request; {rows:.1f} rows a forward, "
        f"the longest {longest:.0f} ms"
    ]
    if peaks:
        mebibytes = {part: size / 2**20 for part, size in peaks.items()}
        lines.append(f"{name}: {_listed(mebibytes)} MiB of memory at most")
    for kind in trace.KINDS:
        parts = both["merged"].get(kind.name, {}).get("together", {}).get("parts")
        if parts:
            spent = {part: seconds * 1e3 for part, seconds in parts.items()}
            lines.append(f"{name}, {kind.name}: {_listed(spent)} ms")
    return lines


def _listed(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.0f}" for name, value in values.items())
