"""The inspector's process: started when somebody asks, ended when nobody has for a while."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Final

from retouch_daemon.front.worker_options import Command
from retouch_daemon.front.worker_process import WorkerGone, WorkerProcess
from retouch_daemon.link.frames import Frame
from retouch_daemon.storage.errors import QuotaExceeded

#: Questions that may wait for others.
MOST_WAITING: Final = 32
#: Seconds for one question, and that an idle process is kept.
ANSWER_SECONDS: Final = 120.0
IDLE_SECONDS: Final = 60.0
#: Seconds for its start.
_START_SECONDS: Final = 60.0
#: Most bytes of a report.
_MOST_ANSWER: Final = 64 << 20


class TooSlow(Exception):
    """A question took too long; its process was ended."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"the picture could not be looked at within {seconds:g} s. "
            "Fix: send a smaller one, or leave search out."
        )


class InspectionProcess:
    """Asks one question at a time. All methods are called on one event loop.

    Args:
        blobs: folder of the blobs.
        answer_seconds: for one question.
        idle_seconds: that the process is kept without questions.
    """

    def __init__(
        self,
        blobs: Path,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._command = Command(
            "inspector", "retouch_daemon.inspector", ("--blobs", str(blobs)), answer_seconds
        )
        self._answer_seconds, self._idle_seconds = answer_seconds, idle_seconds
        self._turn = asyncio.Lock()
        self._asking = 0
        self._questions: set[asyncio.Task[Frame]] = set()
        self._process: WorkerProcess | None = None
        self._running: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def pid(self) -> int | None:
        """Process id, None while there is none."""
        return None if self._process is None else self._process.pid

    async def ask(self, kind: str, payload: bytes) -> Frame:
        """Ask a question; return the answer, which may be ``KIND_failed``.

        Raises:
            QuotaExceeded: too many are waiting. TooSlow. WorkerGone: the picture ended the process.
        """
        if self._asking >= MOST_WAITING:
            fix = "ask again when others are answered"
            raise QuotaExceeded("questions about pictures", self._asking + 1, MOST_WAITING, fix)
        # Shielded: whoever leaves leaves a question that is still being answered. It counts, and
        # the next one waits for it; otherwise the time for that one would begin before its turn.
        self._asking += 1
        task = asyncio.create_task(self._in_turn(kind, payload))
        self._questions.add(task)
        task.add_done_callback(self._heard)
        return await asyncio.shield(task)

    async def _in_turn(self, kind: str, payload: bytes) -> Frame:
        try:
            async with self._turn:
                return await self._asked(kind, payload)
        finally:
            self._asking -= 1

    def _heard(self, task: asyncio.Task[Frame]) -> None:
        """What comes of a question that nobody waits for any more is no news to anybody."""
        self._questions.discard(task)
        if not task.cancelled():
            task.exception()

    async def _asked(self, kind: str, payload: bytes) -> Frame:
        if self._idle is not None:
            self._idle.cancel()
        process = await self._started()
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await process.call(kind, payload)
        except TimeoutError:
            process.kill("it took too long over a picture")
            await self._end()
            raise TooSlow(self._answer_seconds) from None
        except WorkerGone:
            await self._end()
            raise
        finally:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(self._idle_seconds, self._end_soon)

    async def stop(self) -> None:
        """End the process, and all questions. Harmless without one."""
        questions = list(self._questions)
        for task in questions:
            task.cancel()
        await asyncio.gather(*questions, return_exceptions=True)
        await self._end()

    async def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        process, self._process = self._process, None
        running, self._running = self._running, None
        if process is not None and running is not None:
            await process.stop()
            await asyncio.gather(running, return_exceptions=True)

    async def _started(self) -> WorkerProcess:
        if self._process is not None and self._process.ready:
            return self._process
        await self._end()
        ready = asyncio.Event()

        async def on_ready(frame: Frame) -> None:
            ready.set()

        process = WorkerProcess(
            self._command,
            on_frame=_ignored,
            on_ready=on_ready,
            on_gone=_gone,
            most_payload=lambda kind: _MOST_ANSWER,
        )
        self._process = process
        self._running = asyncio.create_task(process.keep_alive())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                await ready.wait()
        if not process.ready:
            await self._end()
            raise WorkerGone("the inspector cannot be started")
        return process

    def _end_soon(self) -> None:
        if not self._asking:
            task = asyncio.get_running_loop().create_task(self._end_if_idle())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end_if_idle(self) -> None:
        async with self._turn:
            if not self._asking:
                await self._end()


async def _ignored(frame: Frame) -> None:
    """It sends nothing but answers."""


async def _gone() -> None:
    """Whoever asked is told by the call itself."""
