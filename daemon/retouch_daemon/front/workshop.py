"""Gate and engine at work: each job goes to the gate, from there to the engine, and back.

Pictures are taken from the gate alone. The engine's latents are handed on unread, and kept until
the gate is done with them: a gate that dies gets them again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Final

from google.protobuf.message import DecodeError

from retouch.v1 import errors_pb2, job_pb2, plan_pb2
from retouch_daemon.front import engine_words
from retouch_daemon.front.engine_words import NotTheEnginesWord
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.gate_life import GateLife
from retouch_daemon.front.job_queue import JobQueue
from retouch_daemon.front.running import Deaths, Running
from retouch_daemon.front.worker_numbers import WorkerNumbers
from retouch_daemon.front.worker_options import WorkerOptions
from retouch_daemon.front.worker_process import WorkerProcess
from retouch_daemon.link.frames import BrokenFrame, Frame, Value
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.errors import QuotaExceeded, StorageError
from retouch_daemon.storage.held import FETCH_SECONDS
from retouch_daemon.storage.job_records import JobRecord, State

#: Bytes that the gate has not taken yet, above which looks are left out.
_CONGESTED: Final = 64 << 20
#: Jobs of which an engine may still be speaking after they are over.
_REMEMBERED: Final = 256

_log = logging.getLogger(__name__)


class Workshop:
    """Two workers, and the jobs that they work on.

    Args:
        queue: where jobs come from.
        blobs: where pictures go.
        feed: tells events.
        options: how the workers are started.
        deaths: how often jobs have died with a worker.
    """

    def __init__(
        self,
        queue: JobQueue,
        blobs: BlobStore,
        feed: EventFeed,
        options: WorkerOptions,
        deaths: Deaths,
    ) -> None:
        self._queue, self._blobs, self._feed, self._deaths = queue, blobs, feed, deaths
        self.numbers = WorkerNumbers()
        self.gate = WorkerProcess(
            options.gate,
            on_frame=self._on_gate,
            on_ready=self._on_gate_ready,
            on_gone=self._on_gate_gone,
        )
        self.engine = WorkerProcess(
            options.engine,
            on_frame=self._on_engine,
            on_ready=self._on_engine_ready,
            on_gone=self._on_engine_gone,
            on_beat=self.numbers.beat,
            most_payload=engine_words.most_payload,
        )
        self.running: dict[str, Running] = {}
        #: Jobs that the engine that lives now was given last, also those that are over.
        self._given: deque[str] = deque(maxlen=_REMEMBERED)
        #: What the engine said of itself, and the gate.
        self._engine_is: dict[str, Value] = {}
        self.gate_life = GateLife()

    @property
    def device(self) -> str:
        """Where the engine runs, as it says itself; empty before it has."""
        return str(self._engine_is.get("device", ""))

    async def run(self) -> None:
        """Keep both workers alive until :meth:`stop`."""
        workers = [asyncio.create_task(each.keep_alive()) for each in (self.gate, self.engine)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()

    async def stop(self) -> None:
        """End both workers."""
        await self.engine.stop()
        await self.gate.stop()

    def begin(self, running: Running) -> None:
        """Have a job admitted; what follows comes by itself."""
        job = running.job
        values = {**running.named(), "client": job.client, "priority": job.priority}
        self.gate.send(Frame("admit", values, running.request))

    def dropped(self, job_id: str) -> Running | None:
        """Take a job out of work, wherever it is; None where it is not at work."""
        running = self.running.pop(job_id, None)
        # Also where it waits: the gate keeps what it has admitted until an engine is done with it.
        self.gate.send(Frame("drop", {"job_id": job_id}))
        if running is not None and running.at_engine:
            self.engine.send(Frame("drop", {"job_id": job_id}))
        self._give()
        return running

    def lost(self, job_id: str) -> None:
        """Take a job out of work whose engine has died: it is admitted still, with its seeds."""
        self.running.pop(job_id, None)

    def serve(self, job: JobRecord) -> None:
        """Serve a job as it says from now on; nothing where it is not at work."""
        running = self.running.get(job.job_id)
        if running is None:
            return
        running.job = job
        values = {**running.named(), "priority": job.priority, "paused": job.paused}
        self.gate.send(Frame("serve", values))
        if running.at_engine and job.paused and self._deaths.suspected(job.job_id):
            # It runs alone: nobody may have to wait until somebody resumes it.
            self.engine.send(Frame("drop", {"job_id": job.job_id}))
            running.at_engine = False
        elif running.at_engine:
            self.engine.send(Frame("serve", values))
        self._give()

    def _give(self) -> None:
        """Give the engine what it may have."""
        if not self.engine.ready:
            return
        for running in self._deaths.may_start(self.running.values()):
            job = running.job
            values = {**running.named(), "client": job.client, "priority": job.priority}
            if self.engine.send(Frame("start", values, running.request)):
                running.at_engine, running.began = True, time.monotonic()
                self._given.append(job.job_id)

    def _current(self, frame: Frame) -> Running | None:
        """The job that a frame is about; None for one that is over, or was begun again since."""
        running = self.running.get(frame.text("job_id"))
        return running if running and running.attempt == frame.values.get("attempt") else None

    async def _on_gate_ready(self, frame: Frame) -> None:
        if self._engine_is:
            self.gate.send(Frame("engine", self._engine_is))
        for running in self.running.values():
            if running.request:  # otherwise it is on its way from the disk
                self.begin(running)
        self._queue.fill_soon()

    async def _on_gate_gone(self) -> None:
        at, there = self.gate_life.ended(self.running.values())
        for running in self.running.values():
            running.admitted = False
            running.told, running.given = max(running.told, running.given), 0
        for running in there:
            if running is at and self._deaths.note(running.job_id):
                await self._queue.fail_as_killer(running.job, "gate")
            else:
                await self._warn(running, "the check of the edit was interrupted; it is repeated")

    async def _warn(self, running: Running, message: str) -> None:
        event = job_pb2.JobEvent(warning=plan_pb2.Warning(message=message))
        try:
            await self._feed.publish(running.job_id, event)
        except StorageError as problem:
            _log.error("cannot tell that %s: %s", message, problem)

    async def _on_gate(self, frame: Frame) -> None:
        try:
            if self.gate_life.take(frame):
                if self.gate_life.warm:
                    self.gate.can_work()
                return
            if frame.kind == "blob":
                await asyncio.to_thread(self._keep, frame)
            elif (running := self._current(frame)) is not None:
                await self._on_gates_word(running, frame)
        except (DecodeError, ValueError) as problem:
            raise BrokenFrame(f"{frame.kind}: {problem}") from problem
        except StorageError as problem:
            await self._stall(str(frame.values.get("job_id", "")), problem)

    def _keep(self, frame: Frame) -> None:
        """Keep a picture, at the cost of whoever asked for it."""
        running = self.running.get(str(frame.values.get("job_id", "")))
        client = "retouch" if running is None else running.job.client
        if frame.values.get("passing"):
            self._blobs.pass_on(frame.payload, client, FETCH_SECONDS)
        else:
            self._blobs.add(frame.payload, client, hold=FETCH_SECONDS)

    async def _on_gates_word(self, running: Running, frame: Frame) -> None:
        if frame.kind == "admitted":
            running.request, running.admitted = frame.payload, True
            if running.latents is not None:
                self.gate.send(running.latents)
            self._give()
        elif frame.kind == "event":
            await self._on_event(running, frame)
        elif frame.kind == "distrusted":
            why = frame.text("why")
            await self._distrust(running, why)
            self.engine.kill(why)

    async def _on_event(self, running: Running, frame: Frame) -> None:
        event = job_pb2.JobEvent.FromString(frame.payload)
        if event.WhichOneof("event") in ("result", "blocked"):
            running.given += 1
            if running.given <= running.told:
                return  # kept already, before a worker or the daemon died
        state = frame.values.get("state")
        over = None if state is None else State(str(state))
        blobs = frame.texts("blobs")
        await self._feed.publish(running.job_id, event, blobs=blobs, state=over)
        if over is not None:
            self.dropped(running.job_id)
            self._queue.forget(running.job_id)

    # --- the engine

    async def _on_engine_ready(self, frame: Frame) -> None:
        self._engine_is = engine_words.of_itself(frame)
        self.engine.can_work()
        self.gate.send(Frame("engine", self._engine_is))
        self._give()

    async def _on_engine_gone(self) -> None:
        self._given.clear()
        self.numbers.restarted()
        for running in [each for each in self.running.values() if each.at_engine]:
            await self._queue.lost(running, "engine")

    async def _on_engine(self, frame: Frame) -> None:
        try:
            engine_words.check_kind(frame)
            known = self.running.get(frame.text("job_id"))
            if not (known and known.at_engine) and frame.values["job_id"] not in self._given:
                raise NotTheEnginesWord(frame, "it was given no such job")
            running = self._current(frame)
            if running is not None and running.at_engine:
                await self._on_engines_word(running, frame)
        except NotTheEnginesWord as problem:
            at_work = [each for each in self.running.values() if each.at_engine]
            named = self.running.get(problem.job_id)
            culprit = named or (at_work[0] if len(at_work) == 1 else None)
            if culprit is not None:
                await self._distrust(culprit, str(problem))
            raise
        except (DecodeError, ValueError) as problem:
            raise BrokenFrame(f"{frame.kind}: {problem}") from problem
        except StorageError as problem:
            await self._stall(str(frame.values.get("job_id", "")), problem)

    async def _on_engines_word(self, running: Running, frame: Frame) -> None:
        if frame.kind == engine_words.PROGRESS:
            event = job_pb2.JobEvent(progress=running.advanced(frame))
            await self._feed.publish(running.job_id, event)
        elif frame.kind == engine_words.LOADING:
            progress = running.loading(frame.number("done"), frame.number("of"))
            await self._feed.publish(running.job_id, job_pb2.JobEvent(progress=progress))
        elif frame.kind == engine_words.LOOK:
            if running.admitted and self.gate.waiting < _CONGESTED:
                self.gate.send(engine_words.for_the_gate(frame))
        elif frame.kind == engine_words.FINISHED:
            running.latents, running.at_engine = engine_words.for_the_gate(frame), False
            if running.admitted:
                self.gate.send(running.latents)
            self._give()
        else:
            event = job_pb2.JobEvent(failed=engine_words.failed(frame))
            await self._feed.publish(running.job_id, event, state=State.FAILED)
            self.dropped(running.job_id)
            self._queue.forget(running.job_id)

    async def _distrust(self, running: Running, why: str) -> None:
        message = f"the engine did not keep to what the gate admitted ({why})"
        fix = "try again; where it stays, leave out operations of third parties"
        await self._queue.fail(running.job, errors_pb2.ERROR_CODE_INTERNAL, message, fix)

    async def _stall(self, job_id: str, problem: StorageError) -> None:
        """Nothing that was not kept was told: it begins again when the disk lets it.

        A blob is no job's yet: the event that names it cannot be kept either. Where limits leave no
        room for it, whether and when to try again is for its client to decide.
        """
        _log.error("cannot keep what job %s gave: %s", job_id, problem)
        running = self.dropped(job_id)
        if running is not None and isinstance(problem, QuotaExceeded):
            code = errors_pb2.ERROR_CODE_EXHAUSTED
            await self._queue.fail(running.job, code, str(problem), problem.fix)
        elif running is not None:
            self._queue.stall(running.job)
