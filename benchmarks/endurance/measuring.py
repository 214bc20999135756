"""What a daemon's processes take, second by second, and whether that grows."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from scipy.stats import theilslopes

from endurance.served import Served

_HOUR = 3600.0
_MIB = 1 << 20
#: Samples are averaged over so many stretches of time, which are nearly independent.
_STRETCHES = 24
#: A growth over the whole run below this share of a process's memory, or below so many MiB, is
#: noise: of its allocator, of the database's cache, and of the previews of the last minute, which
#: are in the front's memory and come now faster and now slower.
NOISE, LITTLE = 0.01, 4.0


@dataclass(frozen=True)
class Sample:
    """One process at one time: seconds since the start, bytes it has allocated, open files."""

    seconds: float
    pid: int
    memory: int
    descriptors: int
    threads: int


@dataclass
class Sizes:
    """The daemon's folder at one time, in bytes."""

    seconds: float
    journal: int
    blobs: int


@dataclass(frozen=True)
class Slope:
    """How a figure grows per hour, with the 99 % interval of it, by Theil and Sen."""

    per_hour: float
    low: float
    high: float


@dataclass
class Samples:
    """Everything that was sampled."""

    processes: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    sizes: list[Sizes] = field(default_factory=list)

    async def gather(self, served: Served, every: float) -> None:
        """Sample until cancelled."""
        began = time.monotonic()
        while True:
            await asyncio.to_thread(self._take, served, time.monotonic() - began)
            await asyncio.sleep(every)

    def _take(self, served: Served, seconds: float) -> None:
        for name, pid in served.pids().items():
            try:
                process = psutil.Process(pid)
                memory = _allocated(process)
                sample = Sample(seconds, pid, memory, process.num_fds(), process.num_threads())
            except psutil.NoSuchProcess:
                continue
            self.processes[name].append(sample)
        journal = sum(_size(file) for file in served.folder.glob("journal.sqlite*"))
        blobs = sum(_size(file) for file in (served.folder / "blobs").glob("*/*"))
        self.sizes.append(Sizes(seconds, journal, blobs))

    def slope(self, name: str, warm: float) -> Slope:
        """How a process's memory grows, in MiB per hour, from so many seconds on."""
        return slope(*self.course(name, warm))

    def course(self, name: str, warm: float = 0.0) -> tuple[list[float], list[float]]:
        """Seconds, and a process's MiB, averaged over stretches of time."""
        samples = [s for s in self.processes[name] if s.seconds >= warm]
        return _stretches([s.seconds for s in samples], [s.memory / _MIB for s in samples])


def slope(times: Sequence[float], values: Sequence[float]) -> Slope:
    """Return how values grow per hour; times are in seconds."""
    found = theilslopes(values, [second / _HOUR for second in times], alpha=0.99)
    return Slope(float(found[0]), float(found[2]), float(found[3]))


def grows(found: Slope, seconds: float, memory: float) -> bool:
    """Whether a slope is more than noise, over so many seconds of a process of so many MiB."""
    return found.low > 0 and found.per_hour * seconds / _HOUR > max(LITTLE, NOISE * memory)


def _stretches(times: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    size = max(1, len(times) // _STRETCHES)
    starts = range(0, len(times) - size + 1, size)
    return (
        [statistics.fmean(times[start : start + size]) for start in starts],
        [statistics.fmean(values[start : start + size]) for start in starts],
    )


def _allocated(process: psutil.Process) -> int:
    """Bytes of anonymous memory, swapped or not.

    Not of mapped files, of which libraries and weights are most: the system drops and reads those
    as it likes, and who shares them with whom changes, too.
    """
    found = process.memory_full_info()
    return int(found.rss - found.shared + found.swap)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
