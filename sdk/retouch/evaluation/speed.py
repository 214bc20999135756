"""How long one ordinary edit takes: 25 steps at the model's own size, the gate included."""

from __future__ import annotations

import os
import statistics
from typing import Any, Final

from retouch.evaluation.cases.procedural import Scenes
from retouch.evaluation.editing.bench import Bench
from retouch.evaluation.editing.settings import Setting, use

STEPS: Final = 25
_TIMES: Final = 9

#: All 25 steps run, with guidance: two rows in every network call.
SETTING: Final = Setting(
    "speed", "one 25-step edit", (use("sdedit", strength=1.0),), steps=STEPS
)  # fmt: skip


def run(bench: Bench, scenes: Scenes, times: int = _TIMES) -> dict[str, Any]:
    """Return the median, least and most seconds of ``times`` edits; the first one only warms up."""
    import torch

    case = scenes.case("recolour-0000")
    seconds = [bench.attempt(SETTING, [case])[0].seconds for _ in range(times + 1)][1:]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "what": f"{SETTING.describe()}, {STEPS} steps, {scenes.size} px",
        "value": round(statistics.median(seconds), 3),
        "low": round(min(seconds), 3),
        "high": round(max(seconds), 3),
        "count": times,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "load": None if load is None else round(load, 2),
    }
