"""A worker's process, engine or gate: started, listened to, and started again when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from retouch_daemon.front.worker_options import Command
from retouch_daemon.link.frames import STARTING, BrokenFrame, Frame, Value
from retouch_daemon.link.streams import StreamLink, any_payload
from retouch_daemon.storage.errors import QuotaExceeded

#: Seconds that a worker has to end by itself.
GRACE: Final = 10.0
#: Questions that may wait for their answers.
MOST_CALLS: Final = 128
#: Seconds for which a link is read whose worker has ended, should another process hold it open.
LAST_WORDS: Final = 1.0
#: Looks at a worker within the time that it may be silent; after how many without a sign it hangs.
_LOOKS, _QUIET = 10, 8

_log = logging.getLogger(__name__)


class WorkerGone(Exception):
    """The worker ended before it answered."""


def ignore_beat(values: Mapping[str, Value]) -> None:
    """Take no interest in what comes with signs of life."""


class WorkerProcess:
    """Keeps one worker alive.

    Args:
        command: how to start it.
        on_frame: told every frame that is not an answer, in order. BrokenFrame from it ends the
            worker.
        on_ready: told at every start, with what the worker says of itself.
        on_gone: told when it has ended, before it is started again.
        on_beat: told what comes with its signs of life.
        most_payload: most bytes that it may send with a frame of a kind.
    """

    def __init__(
        self,
        command: Command,
        *,
        on_frame: Callable[[Frame], Awaitable[None]],
        on_ready: Callable[[Frame], Awaitable[None]],
        on_gone: Callable[[], Awaitable[None]],
        on_beat: Callable[[Mapping[str, Value]], None] = ignore_beat,
        most_payload: Callable[[str], int] = any_payload,
    ) -> None:
        self._command, self._most_payload = command, most_payload
        self._on_frame, self._on_ready, self._on_gone = on_frame, on_ready, on_gone
        self._on_beat = on_beat
        self._link: StreamLink | None = None
        self._opened: StreamLink | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._calls: dict[str, asyncio.Future[Frame]] = {}
        self._stopped = asyncio.Event()
        #: While a frame is being dealt with nothing is read: that is no silence of the worker's.
        self._dealing = False
        self.starts = 0
        #: Its last lives in a row that ended before it could work.
        self.failed_starts = 0
        self._can_work = False
        self.pid: int | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._command.name

    @property
    def ready(self) -> bool:
        """Whether it can take work."""
        return self._link is not None

    @property
    def waiting(self) -> int:
        """Bytes that it has not taken yet."""
        return 0 if self._link is None else self._link.waiting

    def can_work(self) -> None:
        """Note that its start has not failed: it has all that it needs."""
        self._can_work, self.failed_starts = True, 0

    def send(self, frame: Frame) -> bool:
        """Send a frame, without waiting; False where there is no worker to take it."""
        return self._link is not None and self._link.send(frame)

    async def call(self, kind: str, payload: bytes) -> Frame:
        """Send a question and wait for its answer.

        One that nobody waits for any more is answered all the same, and counts until then: so
        whoever asks and leaves, again and again, cannot fill memory.

        Raises:
            WorkerGone. QuotaExceeded: too many questions wait.
        """
        if len(self._calls) >= MOST_CALLS:
            what = f"questions to the {self._command.name}"
            fix = "ask again when others are answered"
            raise QuotaExceeded(what, len(self._calls) + 1, MOST_CALLS, fix)
        name = secrets.token_hex(8)
        if not self.send(Frame(kind, {"call": name}, payload)):
            raise WorkerGone(f"no {self._command.name} is ready; it is being started")
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._calls[name] = answer
        return await answer

    async def keep_alive(self) -> None:
        """Start the worker, and again whenever it has ended, until :meth:`stop`."""
        pause, longest = self._command.pauses
        while not self._stopped.is_set():
            began = asyncio.get_running_loop().time()
            await self._lived()
            if self._stopped.is_set():
                return
            lived = asyncio.get_running_loop().time() - began
            pause = self._command.pauses[0] if lived > longest else min(2 * pause, longest)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), pause)

    async def _lived(self) -> None:
        """One life of the worker. Whatever ends it is no end of the daemon."""
        self._can_work = False
        try:
            await self._run_once()
        except OSError as problem:  # no memory or no descriptors for one more process, just now
            _log.error("the %s cannot be started: %s", self._command.name, problem)
        except Exception:
            _log.exception("what the %s said could not be dealt with", self._command.name)
        self.failed_starts = 0 if self._can_work else self.failed_starts + 1
        calls, self._calls = self._calls, {}
        for future in calls.values():
            if not future.done():
                words = f"the {self._command.name} ended before it answered"
                future.set_exception(WorkerGone(words))
        if not self._stopped.is_set():
            try:
                await self._on_gone()
            except Exception:
                _log.exception("the end of the %s could not be dealt with", self._command.name)

    async def stop(self) -> None:
        """Close the link, upon which the worker ends by itself."""
        self._stopped.set()
        if self._opened is not None:
            self._opened.close()

    def kill(self, why: str) -> None:
        """End a worker that is not to be trusted any more; it is started again."""
        _log.error("%s %s is killed: %s", self._command.name, self.pid, why)
        self._link = None
        if self._opened is not None:
            self._opened.close()  # a process that it has forked may hold the other end
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _run_once(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *self._command.words(theirs.fileno()),
                    pass_fds=(theirs.fileno(),),
                    env=os.environ | self._command.environment,
                )
        except BaseException:
            ours.close()
            raise
        self._process, self.pid, self.starts = process, process.pid, self.starts + 1
        self._opened = link = await StreamLink.over(ours, self._most_payload)
        if self._stopped.is_set():  # while it was being started
            link.close()
        watching = [
            asyncio.create_task(self._watch(link)),
            asyncio.create_task(_close_after(process, link)),
        ]
        try:
            await self._listen(link)
        except BrokenFrame as problem:
            self.kill(str(problem))
        finally:
            for task in watching:
                task.cancel()
            self._link = None
            link.close()
            await _end(process, patient=self._stopped.is_set())
        _log.log(
            logging.INFO if self._stopped.is_set() else logging.ERROR,
            "%s %s ended with %s", self._command.name, process.pid, process.returncode,
        )  # fmt: skip

    async def _listen(self, link: StreamLink) -> None:
        """Take frames until the worker is gone or stopped."""
        while (frame := await link.receive()) is not None:
            if frame.kind == "ready":
                self._link = link
                await self._dealt_with(self._on_ready(frame))
            elif "call" in frame.values:
                future = self._calls.pop(frame.text("call"), None)
                if future is not None and not future.done():
                    future.set_result(frame)
            elif frame.kind == "beat":
                self._on_beat(frame.values)
            elif frame.kind == STARTING:
                continue  # that it was heard is all it says
            elif self._link is link:
                await self._dealt_with(self._on_frame(frame))

    async def _dealt_with(self, doing: Awaitable[None]) -> None:
        self._dealing = True
        try:
            await doing
        finally:
            self._dealing = False

    async def _watch(self, link: StreamLink) -> None:
        """Kill the worker when it is silent for too long.

        Looks without a sign are counted, not seconds: where this whole process stood still, the
        first look afterwards finds what has come meanwhile.
        """
        quiet, heard = 0, -1
        while True:
            command = self._command
            await asyncio.sleep(command.silence / _LOOKS)
            silent = link.heard == heard and not self._dealing
            quiet, heard = quiet + 1 if silent else 0, link.heard
            starts = self._link is not link
            limit = command.start_seconds if starts else command.silence
            if quiet >= _QUIET * limit / command.silence:
                what = "nothing new has been heard of its start" if starts else "it has been silent"
                self.kill(f"{what} for {limit:g} s")
                return


async def _close_after(process: asyncio.subprocess.Process, link: StreamLink) -> None:
    """Close the link of a process that has ended, once what it said last has been read."""
    await process.wait()
    await asyncio.sleep(LAST_WORDS)
    link.close()


async def _end(process: asyncio.subprocess.Process, *, patient: bool) -> None:
    with contextlib.suppress(TimeoutError, ProcessLookupError):
        if patient:
            await asyncio.wait_for(process.wait(), GRACE)
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
