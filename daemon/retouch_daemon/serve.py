"""``retouch serve``: start the daemon."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path
from typing import Any

import click

from retouch.client.finding import DEFAULT_ADDRESS, default_folder
from retouch_daemon.front.settings import Settings
from retouch_safety.profiles import PROFILES


@click.command()
@click.option("--address", default=DEFAULT_ADDRESS, show_default=True, help="Loopback and port.")
@click.option("--no-tcp", is_flag=True, help="Listen on the Unix socket only.")
@click.option("--socket", type=click.Path(path_type=Path), help="Unix socket to listen on, too.")
@click.option("--folder", type=click.Path(path_type=Path), help="What it keeps, and its token.")
@click.option("--device", help="cpu or cuda; CUDA when there is one.")
@click.option("--row-cap", type=click.IntRange(1, 1024), default=16, show_default=True,
              help="Most rows of one network call.")  # fmt: skip
@click.option("--policy", type=click.Choice(PROFILES), default="standard", show_default=True,
              help="How strict the gate is; none allows what is never allowed.")  # fmt: skip
@click.option("--keep-days", type=click.FloatRange(0.0), default=7.0, show_default=True,
              help="How long jobs that are over are kept.")  # fmt: skip
@click.option("--check", is_flag=True, help="Say what would be exposed to whom; serve nothing.")
def serve(address: str, no_tcp: bool, check: bool, folder: Path | None, **options: Any) -> None:
    """Serve edits to hosts on this machine, until it is stopped.

    Jobs are on the disk before they are acknowledged: those that a stop interrupts begin again at
    the next start. Clients find the token in the file that is printed.
    """
    settings = Settings(
        folder=folder or default_folder(), address="" if no_tcp else address, **options
    )
    if check:
        for sentence in settings.exposure():
            click.echo(sentence)
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    from retouch_daemon.front.server import AlreadyServed
    from retouch_daemon.storage.errors import StorageError

    try:
        asyncio.run(_serve(settings))
    except (AlreadyServed, StorageError, ValueError) as problem:
        raise click.ClickException(str(problem)) from problem


async def _serve(settings: Settings) -> None:
    from retouch_daemon.front.server import Daemon

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with Daemon(settings) as daemon:
        if settings.address:
            host = settings.address.rpartition(":")[0]
            click.echo(f"serving on {host}:{daemon.port}")
        if settings.socket is not None:
            click.echo(f"serving on unix:{settings.socket}")
        click.echo(f"token in {settings.token_file}")
        broken = asyncio.create_task(daemon.wait())
        await asyncio.wait(
            (asyncio.create_task(stopped.wait()), broken), return_when=asyncio.FIRST_COMPLETED
        )
        if broken.done():
            broken.result()
