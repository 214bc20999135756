"""Gateways: processes that let in hosts without gRPC. None can keep the daemon from anything.

A gateway is a module of an installed package, by an entry point of ``GROUP``. It is run as a
process of its own and is a client of this daemon: it is told where that is in one line of JSON,
says in such lines how it is, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Final

from retouch_daemon.front.settings import Settings

GROUP: Final = "retouch.gateways"
#: Seconds of silence after which one counts as hung; it says something every second.
SILENCE: Final = 15.0
#: Seconds that one has to end by itself.
GRACE: Final = 3.0
#: Seconds between two starts, doubled at every failure up to the second number.
PAUSES: Final = (0.5, 30.0)
_MOST_LINE: Final = 64 << 10
_LEVELS: Final = MappingProxyType(
    {"warning": logging.WARNING, "error": logging.ERROR, "critical": logging.ERROR}
)

_log = logging.getLogger(__name__)


class Gateways:
    """Keeps those of a daemon alive.

    Args:
        settings: of the daemon.
        target: where its gRPC is; empty where no other process of this user reaches it.
        on_listening: told every address, whenever one listens.
    """

    def __init__(
        self, settings: Settings, target: str, on_listening: Callable[[str], None]
    ) -> None:
        self._settings, self._target, self._on_listening = settings, target, on_listening
        self._stopped = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start them, without waiting."""
        self._settings.gateway_file.unlink(missing_ok=True)  # an earlier daemon's
        if self._settings.gateway_address and not self._target:
            _log.warning("no gateway: the path of %s is too long", self._settings.folder)
        elif self._settings.gateway_address:
            modules = [point.value for point in entry_points(group=GROUP)]
            self._tasks = [asyncio.create_task(self._keep_alive(module)) for module in modules]

    async def stop(self) -> None:
        """End them. Harmless twice."""
        self._stopped.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._settings.gateway_file.unlink(missing_ok=True)

    async def _keep_alive(self, module: str) -> None:
        loop, pause, said = asyncio.get_running_loop(), PAUSES[0], ""
        while not self._stopped.is_set():
            began = loop.time()
            try:
                why = await self._run_once(module)
            except OSError as problem:
                why = f"it cannot be started: {problem}"
            if self._stopped.is_set():
                return
            if why != said:  # said once, not at every try
                _log.warning("gateway %s: %s", module, why)
            lived = loop.time() - began
            pause = PAUSES[0] if lived > PAUSES[1] else min(2 * pause, PAUSES[1])
            said = "" if lived > PAUSES[1] else why
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), pause)

    async def _run_once(self, module: str) -> str:
        """Run one to its end; return why it ended. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_MOST_LINE,
            start_new_session=True,  # what interrupts the daemon is the daemon's to pass on
        )
        assert process.stdin is not None and process.stdout is not None
        listening = asyncio.create_task(self._listen(process.stdout))
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            process.stdin.write(json.dumps(self._told()).encode() + b"\n")
            await asyncio.wait((listening, stopped), return_when=asyncio.FIRST_COMPLETED)
            process.stdin.close()
            why = listening.result() if listening.done() else ""
        finally:
            stopped.cancel()
            await _end(process)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        return why or f"it ended with {process.returncode}, and is started again"

    def _told(self) -> dict[str, Any]:
        settings = self._settings
        status = settings.status_socket
        return {
            "address": settings.gateway_address,
            "daemon": self._target,
            "folder": str(settings.folder),
            "token_file": settings.token_file.name,
            "status": None if status is None else str(status),
            "blob_bytes": settings.limits.blob_bytes,
            "free_bytes": settings.limits.free_bytes,
        }

    async def _listen(self, lines: asyncio.StreamReader) -> str:
        """Take what it says, to its end; return why it ends, where it says so."""
        why = ""
        while True:
            try:
                line = await asyncio.wait_for(lines.readline(), SILENCE)
                found = json.loads(line) if line else None
            except TimeoutError:
                return f"it was silent for {SILENCE:g} s, and is started again"
            except ValueError:
                return "it said what is no line of JSON, and is started again"
            if not isinstance(found, dict):
                return why
            why = str(found.get("failed", why))
            if "listening" in found:
                self._on_listening(str(found["listening"]))
            if "words" in found:
                level = _LEVELS.get(str(found.get("level")), logging.INFO)
                _log.log(level, "gateway: %s", found["words"])


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(TimeoutError, ProcessLookupError):
        await asyncio.wait_for(process.wait(), GRACE)
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
