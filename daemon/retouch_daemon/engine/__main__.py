"""Process of the engine: ``python -m retouch_daemon.engine --link FD --blobs FOLDER``."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import click


@click.command()
@click.option("--link", type=int, required=True, help="Inherited file descriptor of the socket.")
@click.option("--beat", type=float, default=1.0, help="Seconds between two signs of life.")
@click.option("--step-seconds", type=float, default=300.0, help="That one step may take.")
@click.option("--blobs", type=click.Path(path_type=Path), required=True, help="Stored pictures.")
@click.option("--device", help="cpu or cuda; CUDA when there is one.")
@click.option("--row-cap", type=click.IntRange(1, 1024), default=16, help="Rows of one forward.")
@click.option("--model-bytes", type=click.IntRange(0), default=12 << 30, help="Of weights kept.")
@click.option(
    "--cache-bytes", type=click.IntRange(0), default=256 << 20, help="Of what is encoded."
)
@click.option("--model-idle-seconds", type=click.FloatRange(0.0), default=0.0, help="0 keeps them.")
def main(
    link: int,
    beat: float,
    step_seconds: float,
    blobs: Path,
    device: str | None,
    row_cap: int,
    model_bytes: int,
    cache_bytes: int,
    model_idle_seconds: float,
) -> None:
    """Advance edits until the front closes the link."""
    from retouch_daemon.link.blocking import BlockingLink
    from retouch_daemon.link.pulse import Pulse

    # The front says when to stop: Ctrl-C in a terminal reaches the whole process group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = BlockingLink(socket.socket(fileno=link))
    with own.starting(beat):
        from retouch.models.library import Library
        from retouch_daemon.engine.loop import EngineLoop
        from retouch_daemon.engine.model_commands import LoadedBytes

        loaded = LoadedBytes()
        library = Library(
            device=device,
            capacity=model_bytes,
            contents_bytes=cache_bytes,
            idle_seconds=model_idle_seconds or None,
            on_bytes=loaded.note,
        )
        loop = EngineLoop(own, library, blobs, row_cap, loaded, Pulse(step_seconds))
    # Without a front there is nothing to do.
    with contextlib.suppress(OSError):
        loop.run(beat)
    # A thread that loads a model cannot be stopped, and torch aborts if it outlives Python.
    os._exit(0)


if __name__ == "__main__":
    main()
