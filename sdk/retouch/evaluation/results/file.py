"""The results of a run as plain data: written after every row, read back by the report."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from retouch.errors import InvalidField

#: Changes whenever older results cannot be read any more.
FORMAT = 1
Results: TypeAlias = dict[str, Any]


def about(model: str, weights: str, seed: int, count: int, device: str) -> Results:
    """Return when, where and of what: date, commit, device, versions, model, seed, count."""
    import torch

    return {
        "format": FORMAT,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "seed": seed,
        "count": count,
        "model": model,
        "weights": weights,
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def commit() -> str:
    """Return the commit of the checkout this runs from, ``-dirty`` when changed; else empty."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=10"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def device_name(device: str) -> str:
    """Return the name of the processor or GPU."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def write(results: Mapping[str, Any], file: Path) -> None:
    """Write results whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    part.replace(file)


def read(file: Path) -> Results:
    """Read results.

    Raises:
        InvalidField: missing, no JSON, or of another format.
    """
    try:
        found: Results = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        fix = "run `retouch eval` first, or name the file it wrote"
        raise InvalidField("results", str(file), "a results.json", fix) from problem
    if found.get("format") != FORMAT:
        fix = "run `retouch eval` again"
        raise InvalidField("results.format", found.get("format"), str(FORMAT), fix)
    return found
