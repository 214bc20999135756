"""Numbers as a person reads them at a glance: times, bytes, and the last minute as a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_BARS: Final = " ▁▂▃▄▅▆▇█"
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def duration(seconds: float | None) -> str:
    """Return a time in its two largest units: ``0.4 s``, ``12 s``, ``3 m 05 s``, ``2 h 14 m``."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def size(count: float) -> str:
    """Return bytes in the unit that leaves at most three digits."""
    for unit in _UNITS[:-1]:
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} {_UNITS[-1]}"


def megapixels(pixels: float) -> str:
    """Return pixels in millions: ``12 MP``, ``2.1 MP``, ``0.02 MP``."""
    millions = pixels / 1e6
    return f"{millions:.{0 if millions >= 9.95 else 1 if millions >= 0.095 else 2}f} MP"


def sparkline(values: Sequence[float], width: int, top: float) -> str:
    """Return the newest ``width`` values as bars, right-aligned; ``top`` is a full one."""
    newest = list(values)[-width:]
    steps = len(_BARS) - 1
    bars = (
        _BARS[0 if value <= 0 else max(1, min(steps, round(value / top * steps)))]
        for value in newest
    )
    return "".join(bars).rjust(width)
