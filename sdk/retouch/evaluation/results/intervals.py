"""Shares and means with their confidence intervals, as plain data that goes into JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

#: Two-sided 95 % quantile of the normal distribution.
_Z: Final = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """How many of how many, with the 95 % Wilson interval."""

    hits: int
    count: int
    share: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | int]:
        """Return the fields as a dictionary."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.share:.3f} [{self.low:.3f}, {self.high:.3f}] ({self.hits}/{self.count})"


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % bootstrap interval."""

    count: int
    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | int]:
        """Return the fields as a dictionary."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}] (n={self.count})"


def share(outcomes: Sequence[bool]) -> Share:
    """Return the share of true outcomes; ``wilson`` bounds it. Raises ValueError when empty."""
    hits, count = sum(map(bool, outcomes)), len(outcomes)
    low, high = wilson(hits, count)
    return Share(hits, count, hits / count, low, high)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927), which stays within [0, 1].

    Raises:
        ValueError: no trials, or more hits than trials.
    """
    if not 0 <= hits <= count or count == 0:
        raise ValueError(f"{hits} hits of {count}: need 0 <= hits <= count and count > 0")
    p, z2 = hits / count, _Z**2
    middle = (p + z2 / (2 * count)) / (1 + z2 / count)
    spread = _Z * math.sqrt(p * (1 - p) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    # At the ends the formula gives 0 and 1 exactly; rounding must not move them.
    low = 0.0 if hits == 0 else max(0.0, middle - spread)
    high = 1.0 if hits == count else min(1.0, middle + spread)
    return low, high


def mean(values: Sequence[float], *, seed: int = 0, draws: int = 2000) -> Mean:
    """Return the mean with its percentile bootstrap interval (Efron 1979).

    Values that are not finite (a PSNR of equal pictures is infinite) must be capped before.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    given = np.asarray(values, np.float64)
    if given.size == 0 or not np.isfinite(given).all():
        raise ValueError("need at least one value, all of them finite")
    rng = np.random.default_rng(seed)
    means = [float(given[rng.integers(given.size, size=given.size)].mean()) for _ in range(draws)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Mean(given.size, float(given.mean()), float(low), float(high))
