"""The gateway's process. The daemon starts it, and says on standard input what it is to do.

Standard output has one JSON object a line: where it listens, signs of life, and what is to be
logged. It ends when standard input does, however the daemon ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import threading
import time
from dataclasses import replace
from typing import Any, Final

import uvicorn

from retouch_bridge.gateway.access import Access, read_token
from retouch_bridge.gateway.application import Application
from retouch_bridge.gateway.connections import (
    HEAD_BYTES,
    KEEP_ALIVE_SECONDS,
    MOST,
    BoundedConnection,
)
from retouch_bridge.gateway.daemon_calls import Daemon
from retouch_bridge.gateway.log_records import log_records
from retouch_bridge.gateway.paired_clients import PairedClients, write_private
from retouch_bridge.gateway.request_bodies import MOST_MESSAGE
from retouch_bridge.gateway.routes import Routes
from retouch_bridge.gateway.settings import Settings

#: Seconds that answers under way may take when it is stopped, and for the whole end.
GRACE: Final = 2
_END: Final = 4.0
#: Seconds between two signs of life.
BEAT: Final = 1.0


def main() -> int:
    """Serve until standard input ends."""
    log_records(_say)
    try:
        settings = Settings.of_line(sys.stdin.readline())
        listening = _listener(settings)
    except OSError as problem:
        words = f"gateway-address: {settings.address} cannot be had ({problem.strerror})"
        _say({"failed": f"{words}. Fix: choose another, or end what has it."})
        return 1
    asyncio.run(_serve(settings, listening))
    return 0


async def _serve(settings: Settings, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    token = read_token(lambda: (settings.folder / settings.token_file).read_text("ascii"))
    paired = PairedClients(settings.folder / "paired.json")
    access, daemon = Access(port, token, paired), Daemon(settings.daemon, token)
    routes = Routes(replace(settings, address=address), daemon, access, paired)
    server = uvicorn.Server(_config(Application(access, routes)))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        routes.presence.stop()
        server.should_exit = True

    threading.Thread(target=_end_with_daemon, args=(loop, stop), daemon=True).start()
    about = {"address": address, "token_file": settings.token_file}
    write_private(settings.folder / "gateway.json", json.dumps(about) + "\n")
    _say({"listening": address})
    beating = asyncio.create_task(_beat())
    try:
        await server.serve(sockets=[listening])
    finally:
        beating.cancel()
        await daemon.close()


def _config(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=BoundedConnection,
        ws="websockets-sansio",
        ws_max_size=MOST_MESSAGE,
        ws_per_message_deflate=False,  # pictures do not travel there, and UXP has none
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=2 * MOST,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )


def _listener(settings: Settings) -> socket.socket:
    """Listen. Raises OSError: the address is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((settings.host, settings.port))
        found.listen(MOST)
    except OSError:
        found.close()
        raise
    return found


def _end_with_daemon(loop: asyncio.AbstractEventLoop, stop: Any) -> None:
    """Wait for the end of standard input; then end, whatever this process is doing."""
    with contextlib.suppress(OSError, ValueError):
        while sys.stdin.readline():
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(stop)
    time.sleep(_END)
    os._exit(1)


async def _beat() -> None:
    while True:
        await asyncio.sleep(BEAT)
        _say({"beat": 1})


def _say(found: dict[str, Any]) -> None:
    """Tell the daemon. It reads all the time; where it does not any more, this process ends."""
    try:
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
