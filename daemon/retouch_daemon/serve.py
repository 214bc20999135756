"""``retouch serve``: start the daemon."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from typing import TYPE_CHECKING, Any

import click

from retouch_daemon.options import serve_options, settings_of

if TYPE_CHECKING:
    from retouch_daemon.front.server import Daemon
    from retouch_daemon.front.service_notices import ServiceNotices
    from retouch_daemon.front.settings import Settings


@click.command()
@serve_options
@click.option("--check", is_flag=True, help="Say what would be exposed to whom; serve nothing.")
def serve(check: bool, log_format: str, log_level: str, **options: Any) -> None:
    """Serve edits to hosts, until it is stopped.

    Jobs are on the disk before they are acknowledged: those that a stop interrupts begin again at
    the next start. Clients find the token in the file that is printed. Other machines can connect
    only with TLS: give --address, --tls-cert and --tls-key.
    """
    settings = settings_of(options)
    if check:
        _check(settings)
        return
    from retouch_daemon.front.allocator import give_back_freed_memory
    from retouch_daemon.front.listening import AlreadyServed, allow_descriptors
    from retouch_daemon.front.log_lines import write_lines
    from retouch_daemon.storage.errors import StorageError

    write_lines(log_format, log_level)
    os.environ.update(settings.environment())  # for the processes that load plugins and models
    allow_descriptors()
    give_back_freed_memory()
    try:
        asyncio.run(_serve(settings))
    except (AlreadyServed, StorageError, ValueError) as problem:
        raise click.ClickException(str(problem)) from problem


def _check(settings: Settings) -> None:
    from retouch_daemon.front.exposure import exposure
    from retouch_daemon.front.identity import read_token

    for sentence in exposure(settings):
        click.echo(sentence)
    try:
        if settings.token_file.exists():
            read_token(settings.token_file)
    except (OSError, ValueError) as problem:
        raise click.ClickException(str(problem)) from problem


async def _serve(settings: Settings) -> None:
    from retouch_daemon.front.server import Daemon
    from retouch_daemon.front.service_notices import ServiceNotices

    told, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: (again if told.is_set() else told).set())
    notices = ServiceNotices()
    async with Daemon(settings) as daemon:
        _say_where(settings, daemon)
        # What is imported stays: counted in, the collector would look at the rest only when there
        # is a quarter as much of it.
        gc.freeze()
        daemon.on_gateway = _say_gateway
        helping = [
            asyncio.create_task(_say_ready(daemon, notices)),
            asyncio.create_task(notices.watchdog()),
        ]
        broken = asyncio.create_task(daemon.wait())
        await _first(asyncio.create_task(told.wait()), broken)
        if broken.done():
            broken.result()
        helping[0].cancel()
        seconds = settings.drain_seconds
        notices.say(STOPPING=1, EXTEND_TIMEOUT_USEC=round((seconds + 30) * 1e6))
        if seconds:
            draining = asyncio.create_task(daemon.drain(seconds))
            await _first(draining, asyncio.create_task(again.wait()))
        for task in helping:
            task.cancel()


async def _first(*tasks: asyncio.Task[Any]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


def _say_where(settings: Settings, daemon: Daemon) -> None:
    if settings.address:
        host = settings.address.rpartition(":")[0]
        click.echo(f"serving on {host}:{daemon.port}")
    if settings.socket is not None:
        click.echo(f"serving on unix:{settings.socket}")
    if settings.status_address:
        host = settings.status_address.rpartition(":")[0]
        click.echo(f"metrics on {host}:{daemon.status_port}")
    click.echo(f"token in {settings.token_file}")


def _say_gateway(address: str) -> None:
    click.echo(f"gateway for hosts on {address}")


async def _say_ready(daemon: Daemon, notices: ServiceNotices) -> None:
    notices.say(STATUS="loading")
    await daemon.wait_until_ready()
    await notices.insist(READY=1, STATUS="serving")
