"""Process of a worker: ``python -m retouch_daemon.worker --link FD --blobs FOLDER``."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import click

from retouch_safety.profiles import PROFILES, Profile


@click.command()
@click.option("--link", type=int, required=True, help="Inherited file descriptor of the socket.")
@click.option("--blobs", type=click.Path(path_type=Path), required=True, help="Stored pictures.")
@click.option("--device", help="cpu or cuda; CUDA when there is one.")
@click.option("--row-cap", type=click.IntRange(1, 1024), default=16, help="Rows of one forward.")
@click.option("--policy", type=click.Choice(PROFILES), default="standard", help="Of the gate.")
def main(link: int, blobs: Path, device: str | None, row_cap: int, policy: Profile) -> None:
    """Advance edits until the front closes the link."""
    from retouch.models.library import Library
    from retouch.runner import Runner
    from retouch_daemon.link.blocking import BlockingLink
    from retouch_daemon.worker.loop import Worker
    from retouch_safety.gate import Gate

    # The front says when to stop: Ctrl-C in a terminal reaches the whole process group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=link)
    runner = Runner(Library(device=device), Gate(profile=policy), row_cap=row_cap)
    try:
        Worker(BlockingLink(connection), runner, blobs).run()
    except OSError:
        return  # the front is gone


if __name__ == "__main__":
    main()
