"""Timing on a device whose work is asynchronous, its limits, and a budget of wall-clock time."""

from __future__ import annotations

import math
import signal
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

#: Dense bfloat16 FLOP/s of the data sheets, by part of torch's name for the card.
DATA_SHEETS = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "A100": 312e12}
LEAST_SECONDS = 0.15  # of a group of calls that is timed as one
MOST_CALLS = 50


class TimeIsUp(BaseException):
    """The budget is spent. No ``Exception``: engines and compilers catch those and go on."""


@dataclass(frozen=True)
class Budget:
    """Wall-clock seconds from ``begin``."""

    seconds: float
    begin: float

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.begin

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return self.seconds - self.spent

    def enforce(self) -> None:
        """Raise ``TimeIsUp`` in the main thread at the end."""
        if math.isfinite(self.seconds):
            signal.signal(signal.SIGALRM, _stop)
            signal.setitimer(signal.ITIMER_REAL, max(0.01, self.left))

    def lift(self) -> None:
        """No longer."""
        if math.isfinite(self.seconds):
            signal.setitimer(signal.ITIMER_REAL, 0.0)


def _stop(number: int, frame: Any) -> None:
    raise TimeIsUp


@dataclass(frozen=True)
class Accelerator:
    """A device under test."""

    device: torch.device

    @property
    def name(self) -> str:
        """Its name."""
        cuda = self.device.type == "cuda"
        return torch.cuda.get_device_name(self.device) if cuda else str(self.device)

    @property
    def data_sheet(self) -> float | None:
        """Dense bfloat16 FLOP/s that its maker states; None where unknown here."""
        return next((rate for part, rate in DATA_SHEETS.items() if part in self.name), None)

    @property
    def allocated(self) -> int | None:
        """Bytes of all tensors on it; None where it is not counted."""
        cuda = self.device.type == "cuda"
        return torch.cuda.memory_allocated(self.device) if cuda else None

    def wait(self) -> None:
        """Until all work that was given to it is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, run: Callable[[], Any]) -> float:
        """Wall-clock seconds of one run from an idle device to an idle device."""
        self.wait()
        begin = time.perf_counter()
        run()
        self.wait()
        return time.perf_counter() - begin

    def per_call(self, run: Callable[[], Any], groups: int = 3) -> dict[str, float]:
        """Seconds of one call among others back to back: median, least and most of the groups.

        The first call warms up. Groups are long enough that waiting at their ends does not show.
        """
        run()
        once = self.seconds(run)
        calls = min(MOST_CALLS, max(1, math.ceil(LEAST_SECONDS / once)))

        def group() -> None:
            for _ in range(calls):
                run()

        return summary([self.seconds(group) / calls for _ in range(groups)])

    def take_turns(
        self, contenders: Mapping[str, Callable[[], Any]], repeats: int, seconds: float
    ) -> dict[str, dict[str, float]]:
        """Whole runs in turns A B A B; the caller has warmed them up.

        At least one round is timed; a further one only if it is likely to fit into ``seconds``.
        """
        begin = time.monotonic()
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        for done in range(repeats):
            if done and time.monotonic() - begin + sum(t[-1] for t in taken.values()) > seconds:
                break
            for name, run in contenders.items():
                taken[name].append(self.seconds(run))
        return {name: summary(all_) for name, all_ in taken.items()}

    def working_bytes(self, run: Callable[[], Any]) -> int | None:
        """Most bytes allocated during a run beyond those before it; None where not counted."""
        before = self.allocated
        if before is None:
            run()
            return None
        torch.cuda.reset_peak_memory_stats(self.device)
        run()
        return torch.cuda.max_memory_allocated(self.device) - before

    def matmul_rate(self, dtype: torch.dtype, sides: tuple[int, ...]) -> float:
        """Best FLOP/s of a product of square random matrices."""
        best = 0.0
        for side in sides:
            a, b = (torch.randn(side, side, device=self.device).to(dtype) for _ in range(2))
            taken = self.per_call(lambda a=a, b=b: a @ b)  # type: ignore[misc]
            best = max(best, 2.0 * side**3 / taken["median"])
        return best

    def free(self) -> None:
        """Give unused memory back."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def summary(taken: list[float]) -> dict[str, float]:
    """Median, least, most and number."""
    return {
        "median": statistics.median(taken),
        "least": min(taken),
        "most": max(taken),
        "repeats": len(taken),
    }
