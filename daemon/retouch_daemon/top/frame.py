"""One frame of ``retouch top``: the status as a picture of text, for any size of terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from retouch_daemon.top.words import duration, megapixels, size, sparkline

Status = Mapping[str, Any]
#: From this many columns on, clients and processes stand beside the jobs.
WIDE: Final = 120
#: Lines that are always there, and the fewest of jobs, of the queue and of clients.
_FIXED: Final = 14
_STATES: Final = {"serving": "green", "starting": "yellow", "draining": "yellow"}
_CLASSES: Final = {"live": "magenta", "interactive": "cyan", "batch": "blue"}
_LABEL: Final = "bold"
_HEADING: Final = "bold white on grey23"
_FAINT: Final = "bright_black"


class Frame:
    """A status, drawn to the width and height of whatever console prints it.

    Args:
        status: of a daemon.
        height: lines to fill at most; None takes the terminal's.
    """

    def __init__(self, status: Status, height: int | None = None) -> None:
        self._status, self._height = status, height

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        height = self._height or options.height or console.height
        yield _header(self._status)
        yield Rule(style=_FAINT)
        if width >= WIDE:
            yield from self._wide(width, height)
        else:
            yield from self._narrow(width, height)

    def _narrow(self, width: int, height: int) -> RenderResult:
        status, room = self._status, max(5, height - _FIXED)
        clients = min(len(status["clients"]), max(1, room // 4))
        queued = min(len(status["queued"]), max(1, (room - clients) // 3))
        running = max(1, room - clients - queued)
        yield _engine(status, width)
        yield _memory(status)
        yield _pictures(status, width)
        yield Text()
        yield _running(status, running, width)
        yield Text()
        yield _queued(status, queued, width)
        yield Text()
        yield _clients(status, clients, width)
        yield Text()
        yield _ends(status)

    def _wide(self, width: int, height: int) -> RenderResult:
        status, room = self._status, max(6, height - 8)
        side = 50
        main = width - side - 3
        queued = min(len(status["queued"]), max(1, room // 2 - 2))
        running = max(1, room - queued - 4)
        left = Group(_running(status, running, main), Text(), _queued(status, queued, main))
        right = Group(_clients(status, max(1, room - 10), side), Text(), _processes(status))
        columns = Table.grid(padding=(0, 3, 0, 0))
        columns.add_column(width=main)
        columns.add_column(width=side)
        columns.add_row(left, right)
        yield _engine(status, width)
        yield _pictures(status, width)
        yield Text()
        yield columns
        yield Text()
        yield _ends(status)


def _header(status: Status) -> RenderableType:
    state = str(status["state"])
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify="right")
    about = status.get("about", {})
    left = Text.assemble(
        (" retouch ", "bold reverse"), " ", (f"● {state}", _STATES.get(state, "red")),
        (f"  up {duration(status['uptime_seconds'])}", ""),
        (f"  {about.get('device', '')}", _FAINT),
    )  # fmt: skip
    restarts = sum(status["worker"]["restarts"].values())
    right = Text.assemble(
        (f"{status['watchers']} watching  {status['open_calls']} calls  ", _FAINT),
        (f"{restarts} restart{'s' * (restarts != 1)} ", "red" if restarts else _FAINT),
    )
    line.add_row(left, right)
    return line


def _engine(status: Status, width: int) -> RenderableType:
    worker = status["worker"]
    recent: Sequence[float] = worker["recent_rows_per_forward"]
    cap = max(1, int(status.get("about", {}).get("row_cap", 16)))
    now = next((value for value in reversed(recent) if value), 0.0)
    line = _line(" rows/forward ", _LABEL)
    line.append(f"{now:5.1f} ", "bold cyan" if recent and recent[-1] else _FAINT)
    bars = max(8, min(120, width - 44))
    line.append(sparkline(recent, bars, cap), "cyan")
    line.append(f"▏of {cap}, mean {worker['rows_per_forward']:.1f}", _FAINT)
    return line


def _memory(status: Status) -> RenderableType:
    line = _line(" memory       ", _LABEL)
    for process in status["processes"]:
        line.append(f" {process['role']} ", _FAINT)
        line.append(f"{size(process['resident_bytes'])} ")
    line.append(" models ", _FAINT)
    line.append(size(status["worker"]["model_bytes"]))
    if status["worker"]["device_bytes"]:
        line.append("  device ", _FAINT)
        line.append(size(status["worker"]["device_bytes"]))
    return line


def _pictures(status: Status, width: int) -> RenderableType:
    blobs = status["blobs"]
    share = blobs["bytes"] / max(1, blobs["limit_bytes"])
    line = Table.grid(padding=(0, 1, 0, 0))
    evicted = f"{blobs['evictions']} evicted, " if blobs["evictions"] else ""
    line.add_row(
        Text(" pictures     ", _LABEL),
        _bar(share, 1.0, max(8, min(30, width // 6))),
        Text(f"{size(blobs['bytes'])} of {size(blobs['limit_bytes'])}"),
        Text(f"{blobs['count']} kept, {evicted}{size(blobs['disk_free_bytes'])} free", _FAINT),
    )
    return line


def _running(status: Status, most: int, width: int) -> RenderableType:
    jobs = status["running"]
    table = _table()
    table.add_column(f"RUNNING {status['jobs']['running']}", width=12, no_wrap=True)
    table.add_column("client", ratio=2, no_wrap=True)
    table.add_column("class", width=11)
    table.add_column("", width=max(10, width // 5))
    table.add_column("step", justify="right", width=9)
    table.add_column("left", justify="right", width=9)
    for job in jobs[:most]:
        done, of_steps = job["step"], job["of_steps"]
        bar = _bar(done, of_steps, max(10, width // 5))
        table.add_row(
            _job(job), escape(job["client"]), _class(job), bar,
            f"{done}/{of_steps}" if of_steps else Text("begins", _FAINT),
            duration(job["remaining_seconds"]),
        )  # fmt: skip
    if not jobs:
        table.add_row(Text("nothing", _FAINT), "", "", "", "", "")
    return table


def _queued(status: Status, most: int, width: int) -> RenderableType:
    jobs = status["queued"]
    table = _table()
    table.add_column(f"QUEUED {status['jobs']['queued']}", width=12, no_wrap=True)
    table.add_column("client", ratio=2, no_wrap=True)
    table.add_column("class", width=11)
    table.add_column("", width=max(10, width // 5))
    table.add_column("pixels", justify="right", width=9)
    table.add_column("waits", justify="right", width=9)
    for job in jobs[:most]:
        pixels = megapixels(job["pixels"]) if job["pixels"] else "–"
        table.add_row(
            _job(job), escape(job["client"]), _class(job), "", pixels,
            duration(job["age_seconds"]),
        )  # fmt: skip
    return table


def _clients(status: Status, most: int, width: int) -> RenderableType:
    table = _table()
    table.add_column("CLIENTS", ratio=2, no_wrap=True)
    table.add_column("share", width=max(8, width // 5))
    for name in ("runs", "waits", "done"):
        table.add_column(name, justify="right", width=5)
    total = max(1, status["jobs"]["running"])
    for client in status["clients"][:most]:
        bar = _bar(client["running"], total, max(8, width // 5))
        table.add_row(
            escape(client["client"]), bar, str(client["running"]), str(client["queued"]),
            str(client["finished"]),
        )  # fmt: skip
    if not status["clients"]:
        table.add_row(Text("nobody yet", _FAINT), "", "", "", "")
    return table


def _processes(status: Status) -> RenderableType:
    table = _table()
    table.add_column("PROCESS", ratio=2)
    table.add_column("id", justify="right", width=9)
    table.add_column("memory", justify="right", width=10)
    for process in status["processes"]:
        table.add_row(process["role"], str(process["pid"]), size(process["resident_bytes"]))
    table.add_row(Text("models", _FAINT), "", size(status["worker"]["model_bytes"]))
    if status["worker"]["device_bytes"]:
        table.add_row(Text("device", _FAINT), "", size(status["worker"]["device_bytes"]))
    return table


def _ends(status: Status) -> RenderableType:
    jobs = status["jobs"]
    line = _line(" ")
    for outcome, style in (
        ("done", "green"), ("blocked", "yellow"), ("cancelled", _FAINT), ("failed", "red")
    ):  # fmt: skip
        line.append(f"{jobs.get(outcome, 0)} {outcome}  ", style if jobs.get(outcome) else _FAINT)
    if status["gate_refusals"]:
        kept = ", ".join(f"{stage} {count}" for stage, count in status["gate_refusals"].items())
        line.append(f"gate: {kept}  ", "yellow")
    refused = sum(status["refused_calls"].values())
    if refused:
        line.append(f"{refused} calls refused", "red")
    return line


def _line(text: str, style: str = "") -> Text:
    """A line that is cut where the terminal ends, never wrapped."""
    return Text(no_wrap=True, overflow="ellipsis").append(text, style)


def _bar(done: float, of: float, width: int) -> ProgressBar:
    """A bar; one that moves to and fro where it is not known of how much."""
    return ProgressBar(
        total=of or 1.0, completed=min(done, of), width=width, pulse=not of,
        complete_style="cyan", finished_style="green", pulse_style="cyan",
    )  # fmt: skip


def _table() -> Table:
    return Table(
        box=None, expand=True, padding=(0, 1), collapse_padding=True, header_style=_HEADING,
    )  # fmt: skip


def _job(job: Status) -> Text:
    return Text(job["job"][:8], _FAINT)


def _class(job: Status) -> Text:
    return Text(job["priority"], _CLASSES.get(job["priority"], ""))
