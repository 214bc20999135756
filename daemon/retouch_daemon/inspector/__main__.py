"""Process of the inspector: ``python -m retouch_daemon.inspector --link FD --blobs FOLDER``."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
from pathlib import Path
from typing import Final

import click

#: Bytes of memory that it may have: a bomb ends itself, not the machine. A picture of the largest
#: size that is read needs about half of it.
MEMORY: Final = 12 << 30
#: Edits go first.
_NICE: Final = 5


@click.command()
@click.option("--link", type=int, required=True, help="Inherited file descriptor of the socket.")
@click.option("--beat", type=float, default=1.0, help="Seconds between two signs of life.")
@click.option("--blobs", type=click.Path(path_type=Path), required=True, help="Stored pictures.")
def main(link: int, beat: float, blobs: Path) -> None:
    """Answer questions about pictures until the front closes the link."""
    from retouch_daemon.inspector.answering import answered
    from retouch_daemon.link.blocking import CLOSED, BlockingLink
    from retouch_daemon.link.frames import Frame

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(_NICE)
    connection = BlockingLink(socket.socket(fileno=link))
    with contextlib.suppress(OSError):  # the front is gone
        connection.beat(beat)
        connection.send(Frame("ready"))
        while (question := connection.receive()) is not CLOSED:
            connection.send(answered(question, blobs))


if __name__ == "__main__":
    main()
