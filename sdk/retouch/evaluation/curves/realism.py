"""How far results are from real scenes, as a set: the kernel distance of the judge's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retouch.evaluation.cases.procedural import Scenes
from retouch.evaluation.judge.judge import Judge
from retouch.evaluation.results.summary import Value

Rows = NDArray[np.float64]

#: Real scenes are the exact answers of cases that are numbered from here: no edit is among them.
_APART: Final = 100_000
_LEAST: Final = 4
_DRAWS: Final = 200


def real_features(judge: Judge, scenes: Scenes, kinds: Sequence[str], count: int) -> Rows:
    """Return (N, C) features of real scenes of these kinds, none of them edited here."""
    rows: list[list[float]] = []
    for index in range(count):
        name = f"{kinds[index % len(kinds)]}-{_APART + index // len(kinds)}"
        target = scenes.case(name).target
        assert target is not None
        deepest = judge.features(target[None])[-1]
        rows += deepest.mean((2, 3)).tolist()
    return np.asarray(rows, np.float64)


def kernel_distance(results: Sequence[Sequence[float]], real: Rows) -> Value | None:
    """Return the unbiased squared maximum mean discrepancy, times 1000, with its 95 % interval.

    The kernel is the cubic polynomial (x.y / C + 1)^3 (Binkowski et al. 2018, arXiv 1801.01401,
    section 4). The interval comes from random halves of both sets: the spread of a mean over half
    of the cases is sqrt(2) times that over all. None for fewer than four of either.
    """
    made = np.asarray(results, np.float64)
    if len(made) < _LEAST or len(real) < _LEAST:
        return None
    within_made, within_real, across = _kernel(made, made), _kernel(real, real), _kernel(made, real)
    rng = np.random.default_rng(0)
    value = _distance(within_made, within_real, across)
    halves: list[float] = []
    for _ in range(_DRAWS):
        rows = rng.choice(len(made), max(2, len(made) // 2), replace=False)
        columns = rng.choice(len(real), max(2, len(real) // 2), replace=False)
        halves.append(
            _distance(
                within_made[np.ix_(rows, rows)],
                within_real[np.ix_(columns, columns)],
                across[np.ix_(rows, columns)],
            )
        )
    spread = 1.96 * float(np.std(halves)) / 2**0.5
    return {
        "value": round(value, 4),
        "low": round(value - spread, 4),
        "high": round(value + spread, 4),
        "count": len(made),
    }


def _kernel(a: Rows, b: Rows) -> Rows:
    return np.asarray((a @ b.T / a.shape[1] + 1) ** 3, np.float64)


def _distance(made: Rows, real: Rows, across: Rows) -> float:
    return 1000 * (_mean_apart(made) + _mean_apart(real) - 2 * float(across.mean()))


def _mean_apart(kernel: Rows) -> float:
    """The mean over different rows and columns."""
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))
