"""``retouch doctor``: what works on this machine and what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import click
from rich.console import Console
from rich.table import Table

from retouch.catalog import read_catalog

#: Entry points of further checks, of packages that stand on this one: functions that return a list
#: of (subject, state, detail).
GROUP = "retouch.checks"
_PACKAGES = ("torch", "diffusers", "transformers", "opencv-python", "opencv-python-headless")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: ``state`` is ``ok``, ``note`` or ``broken``."""

    subject: str
    state: str
    detail: str


@click.command()
def doctor() -> int:
    """Check this installation; exit code 1 when something needed is broken."""
    findings: list[Finding] = []
    for check in (_versions, _opencv, _device, _plugins, _models, _gate, *_further()):
        findings += _guarded(check)
    colours = {"ok": "green", "note": "yellow", "broken": "red"}
    table = Table("", "", "", box=None, show_header=False)
    for found in findings:
        state = f"[{colours[found.state]}]{found.state}[/]"
        table.add_row(state, found.subject, found.detail)
    Console().print(table)
    return 1 if any(found.state == "broken" for found in findings) else 0


def _guarded(check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except Exception as problem:
        name = getattr(check, "__name__", "further checks").strip("_")
        return [Finding(name, "broken", f"{type(problem).__name__}: {problem}")]


def _further() -> list[Callable[[], list[Finding]]]:
    return [partial(_ask, entry) for entry in importlib.metadata.entry_points(group=GROUP)]


def _ask(entry: importlib.metadata.EntryPoint) -> list[Finding]:
    return [Finding(*each) for each in entry.load()()]


def _versions() -> list[Finding]:
    versions = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return [Finding("versions", "ok", ", ".join(versions))]


def _opencv() -> list[Finding]:
    try:
        import cv2
    except ImportError as problem:
        fix = "pip uninstall -y opencv-python && pip install opencv-python-headless"
        return [Finding("opencv", "broken", f"{problem}; on a machine without a desktop: {fix}")]
    return [Finding("opencv", "ok", str(cv2.__version__))]


def _device() -> list[Finding]:
    import torch

    from retouch.models.precision import choose_dtype

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor()
    dtype = str(choose_dtype(device)).removeprefix("torch.")
    threads = torch.get_num_threads()
    detail = f"{device.type} {name}".strip() + f", {dtype} is fastest, {threads} CPU threads"
    found = [Finding("device", "ok", detail)]
    if device.type == "cuda" and importlib.util.find_spec("xformers") is None:
        found.append(Finding("xformers", "note", "not installed; torch's fused attention is used"))
    return found


def _plugins() -> list[Finding]:
    catalog = read_catalog()
    found = [Finding("operations", "ok", ", ".join(catalog.operations))]
    found += [Finding(f"plugin {b.name}", "broken", b.problem) for b in catalog.broken]
    return found


def _models() -> list[Finding]:
    from retouch.models.records import list_models

    records = list_models()
    if not any(record.kind == "checkpoint" for record in records):
        return [Finding("models", "broken", "none; run `retouch models add PATH`")]
    return [Finding("models", "ok", ", ".join(record.name for record in records))]


def _gate() -> list[Finding]:
    from retouch_safety.gate import Gate

    return [
        Finding(f"gate: {test.name}", "ok" if test.works else "broken", test.detail)
        for test in Gate().self_test()
    ]
