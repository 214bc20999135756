"""When, where and of what a result is; without torch, which only one contender needs."""

from __future__ import annotations

import datetime
import platform
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np

_ROOT = Path(__file__).resolve().parents[2]


def about(seed: int) -> dict[str, Any]:
    """Date, commit, seed, device and versions."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=_ROOT, capture_output=True, text=True
    )
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": described.stdout.strip() or "unknown",
        "seed": seed,
        "device": _device(),
        "threads": cv2.getNumThreads(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }


def _device() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
