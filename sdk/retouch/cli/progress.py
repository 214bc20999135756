"""Progress bars, and Ctrl-C as a clean cancel."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Done(Protocol):
    """How far something is."""

    @property
    def done(self) -> int:
        """Network calls done."""
        ...

    @property
    def total(self) -> int:
        """All of them."""
        ...


@contextmanager
def step_bar(title: str) -> Iterator[Callable[[Done], None]]:
    """A bar with elapsed and remaining time on the terminal's error stream."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)

        def on_step(step: Done) -> None:
            progress.update(task, completed=step.done, total=step.total)

        yield on_step


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Within it, the first Ctrl-C asks to cancel between two steps; the second interrupts."""
    asked = threading.Event()
    previous = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, previous)

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
