"""``retouch top``: what the daemon is doing, live."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retouch.client.failures import DaemonFailed
from retouch.client.finding import default_ca

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from retouch_daemon.top.asking import Source


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Of a daemon of this user.")
@click.option("--url", default="", help="Status address of a daemon, https://HOST:PORT.")
@click.option("--token-file", type=click.Path(path_type=Path), help="What that one asks for.")
@click.option("--ca", type=click.Path(path_type=Path), help="Authority of its certificate (PEM).")
@click.option("--interval", type=click.FloatRange(0.1, 60), default=1.0, show_default=True,
              help="Seconds between two looks.")  # fmt: skip
@click.option("--once", is_flag=True, help="Print one frame and end.")
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON and end.")
def top(
    folder: Path | None,
    url: str,
    token_file: Path | None,
    ca: Path | None,
    interval: float,
    once: bool,
    as_json: bool,
) -> None:
    """Show what a daemon is doing: edits at work, the queue, clients, memory. Ctrl-C ends it."""
    from rich.console import Console

    from retouch_daemon.top.asking import Source
    from retouch_daemon.top.frame import Frame

    source = Source(folder, url, token_file, ca or default_ca())
    first = source.read()
    console = Console()
    if as_json:
        click.echo(json.dumps(first))
    elif once or not console.is_terminal:
        console.print(Frame(first))
    else:
        _watch(console, source, interval)


def _watch(console: Console, source: Source, interval: float) -> None:
    from rich.live import Live
    from rich.text import Text

    from retouch_daemon.top.frame import Frame

    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            shown: RenderableType
            try:
                shown = Frame(source.read())
            except DaemonFailed as problem:
                shown = Text(f"{problem}\nTrying again.", "red")
            live.update(shown, refresh=True)
            time.sleep(interval)
