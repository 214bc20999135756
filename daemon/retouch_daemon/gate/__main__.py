"""Process of the gate: ``python -m retouch_daemon.gate --link FD --blobs FOLDER``."""

from __future__ import annotations

import contextlib
import signal
import socket
from pathlib import Path

import click

from retouch_safety.profiles import PROFILES, Profile


@click.command()
@click.option("--link", type=int, required=True, help="Inherited file descriptor of the socket.")
@click.option("--beat", type=float, default=1.0, help="Seconds between two signs of life.")
@click.option("--step-seconds", type=float, default=300.0, help="That one step may take.")
@click.option("--blobs", type=click.Path(path_type=Path), required=True, help="Stored pictures.")
@click.option("--device", help="Where pictures are decoded; CUDA when there is one.")
@click.option("--policy", type=click.Choice(PROFILES), default="standard", help="How strict it is.")
def main(
    link: int, beat: float, step_seconds: float, blobs: Path, device: str | None, policy: Profile
) -> None:
    """Check edits until the front closes the link."""
    from retouch_daemon.link.blocking import BlockingLink
    from retouch_daemon.link.pulse import Pulse

    # The front says when to stop: Ctrl-C in a terminal reaches the whole process group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = BlockingLink(socket.socket(fileno=link))
    with own.starting(beat):
        from retouch_daemon.gate.loop import GateLoop
        from retouch_safety.gate import Gate

        loop = GateLoop(own, Gate(profile=policy), device, blobs, Pulse(step_seconds))
    with contextlib.suppress(OSError):  # the front is gone
        loop.run(beat)


if __name__ == "__main__":
    main()
