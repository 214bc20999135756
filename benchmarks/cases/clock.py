"""Timing: contenders take turns in one process, so that a noisy machine is noisy for all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

#: Rows and columns of the matrices whose product is timed.
SIDES = (512, 1024, 2048)


def seconds(run: Callable[[], Any]) -> float:
    """CPU seconds of one run: with one thread, the time it would take on an idle core."""
    begin = time.process_time()
    run()
    return time.process_time() - begin


def take_turns(
    contenders: Mapping[str, Callable[[], Any]], repeats: int
) -> dict[str, dict[str, float]]:
    """Median, least and most seconds of each, after one warm-up, in turns A B A B."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    with torch.no_grad():
        for run in contenders.values():
            run()
        for _ in range(repeats):
            for name, run in contenders.items():
                taken[name].append(seconds(run))
    return {
        name: {"median": statistics.median(all_), "least": min(all_), "most": max(all_)}
        for name, all_ in taken.items()
    }


def matmul_rate(dtype: torch.dtype, sides: tuple[int, ...] = SIDES) -> float:
    """Best rate of a matrix product in FLOP/s, over some sizes and repeats."""
    best = 0.0
    for side in sides:
        a, b = (torch.randn(side, side).to(dtype) for _ in range(2))
        a @ b
        for _ in range(5):
            best = max(best, 2.0 * side**3 / seconds(lambda a=a, b=b: a @ b))  # type: ignore[misc]
    return best
