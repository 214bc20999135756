"""Progress bars of a batch: one for all pictures, one for each that is at work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from retouch.batch.inputs import Item
from retouch.batch.running import Outcome

_COLOURS: Final = {"done": "green", "skipped": "dim", "blocked": "yellow", "failed": "red"}


class BatchBars:
    """Shows a batch on the terminal's error stream, and a line for each picture that is over.

    Args:
        progress: of rich.
        count: of pictures.
    """

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress, self._count = progress, count
        self._all = progress.add_task("[bold]all pictures", total=count)
        self._tasks: dict[str, TaskID] = {}

    def began(self, item: Item) -> None:
        """Show a bar."""
        self._tasks[item.key] = self._progress.add_task(escape(item.picture.name), total=None)

    def stepped(self, item: Item, done: int, total: int) -> None:
        """Move it."""
        self._progress.update(self._tasks[item.key], completed=done, total=total)

    def ended(self, outcome: Outcome) -> None:
        """Take it away; say what became of the picture."""
        self._progress.remove_task(self._tasks.pop(outcome.item.key))
        self._progress.advance(self._all)
        colour, entry = _COLOURS.get(outcome.status, "red"), outcome.entry
        words = entry.error or ", ".join(
            f"{each['file']}  seed {each['seed']}" for each in entry.outputs if "file" in each
        )
        line = f"[{colour}]{outcome.status:8}[/] {escape(entry.input)}  {escape(words)}"
        self._progress.console.print(line, soft_wrap=True, highlight=False)


@contextmanager
def batch_bars(count: int) -> Iterator[BatchBars]:
    """Show bars for so many pictures while the block runs."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True) as progress:
        yield BatchBars(progress, count)
