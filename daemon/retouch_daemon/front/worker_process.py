"""The worker's process: started, listened to, and started again when it dies or falls silent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retouch_daemon.link.frames import BrokenFrame, Frame
from retouch_daemon.link.streams import StreamLink

#: Seconds without a sign of life after which a worker counts as hung. It beats once a second.
SILENCE: Final = 5.0
#: Seconds between two starts, doubled at every failure up to the second number.
PAUSES: Final = (0.2, 30.0)
#: Seconds that a worker has to end by itself.
GRACE: Final = 10.0

_log = logging.getLogger(__name__)


class WorkerGone(Exception):
    """The worker ended before it answered."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker is started.

    Attributes:
        blobs: folder of the blobs.
        device: ``cpu`` or ``cuda``; None lets it choose.
        row_cap: most rows of one forward.
        policy: profile of the gate.
    """

    blobs: Path
    device: str | None = None
    row_cap: int = 16
    policy: str = "standard"

    def arguments(self, descriptor: int) -> list[str]:
        """The command line of its process."""
        found = [
            *(sys.executable, "-m", "retouch_daemon.worker", "--link", str(descriptor)),
            *("--blobs", str(self.blobs), "--row-cap", str(self.row_cap)),
            *("--policy", self.policy),
        ]
        return found if self.device is None else [*found, "--device", self.device]


class WorkerProcess:
    """Keeps one worker alive.

    Args:
        options: how to start it.
        on_frame: told every frame that is not an answer, in order.
        on_ready: told at every start, when it can take work.
        on_gone: told when it has ended, before it is started again.
    """

    def __init__(
        self,
        options: WorkerOptions,
        *,
        on_frame: Callable[[Frame], Awaitable[None]],
        on_ready: Callable[[], Awaitable[None]],
        on_gone: Callable[[], Awaitable[None]],
    ) -> None:
        self._options = options
        self._on_frame, self._on_ready, self._on_gone = on_frame, on_ready, on_gone
        self._link: StreamLink | None = None
        self._calls: dict[str, asyncio.Future[Frame]] = {}
        self._stopping = False
        self.starts = 0
        self.pid: int | None = None

    @property
    def ready(self) -> bool:
        """Whether it can take work."""
        return self._link is not None

    async def send(self, frame: Frame) -> bool:
        """Send a frame; False where there is no worker to take it."""
        if self._link is None:
            return False
        try:
            await self._link.send(frame)
        except OSError:
            return False
        return True

    async def call(self, kind: str, payload: bytes) -> Frame:
        """Send a question and wait for its answer. Raises WorkerGone."""
        name = secrets.token_hex(8)
        future = asyncio.get_running_loop().create_future()
        self._calls[name] = future
        try:
            if not await self.send(Frame(kind, {"call": name}, payload)):
                raise WorkerGone("no worker is ready; it is being started")
            answer: Frame = await future
            return answer
        finally:
            self._calls.pop(name, None)

    async def keep_alive(self) -> None:
        """Start the worker, and again whenever it has ended, until :meth:`stop`."""
        pause = PAUSES[0]
        while not self._stopping:
            began = asyncio.get_running_loop().time()
            await self._run_once()
            for future in self._calls.values():
                if not future.done():
                    future.set_exception(WorkerGone("the worker ended before it answered"))
            if self._stopping:
                return
            await self._on_gone()
            lived = asyncio.get_running_loop().time() - began
            pause = PAUSES[0] if lived > PAUSES[1] else min(2 * pause, PAUSES[1])
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        """Close the link, upon which the worker ends by itself."""
        self._stopping = True
        if self._link is not None:
            self._link.close()

    async def _run_once(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *self._options.arguments(theirs.fileno()), pass_fds=(theirs.fileno(),)
            )
        self.pid, self.starts = process.pid, self.starts + 1
        link = await StreamLink.over(ours)
        try:
            await self._listen(link)
        except BrokenFrame as problem:
            _log.error("worker %s sent no frame: %s", process.pid, problem)
        finally:
            self._link = None
            link.close()
            await _end(process, patient=self._stopping)
        _log.log(
            logging.INFO if self._stopping else logging.ERROR,
            "worker %s ended with %s", process.pid, process.returncode,
        )  # fmt: skip

    async def _listen(self, link: StreamLink) -> None:
        """Take frames until the worker is gone, silent or stopped. Loading has no time limit."""
        limit: float | None = None
        while True:
            try:
                frame = await asyncio.wait_for(link.receive(), limit)
            except TimeoutError:
                _log.error("the worker has been silent for %s s", limit)
                return
            if frame is None:
                return
            if frame.kind == "ready":
                self._link, limit = link, SILENCE
                await self._on_ready()
            elif "call" in frame.values:
                future = self._calls.get(frame.text("call"))
                if future is not None and not future.done():
                    future.set_result(frame)
            elif frame.kind != "beat":
                await self._on_frame(frame)


async def _end(process: asyncio.subprocess.Process, *, patient: bool) -> None:
    with contextlib.suppress(TimeoutError, ProcessLookupError):
        if patient:
            await asyncio.wait_for(process.wait(), GRACE)
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def names(frame: Frame, name: str) -> Sequence[str]:
    """Return a value that must be a list of texts. Raises BrokenFrame."""
    value = frame.values.get(name)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BrokenFrame(f"{frame.kind}.{name} is {value!r}, not a list of texts")
    return value
