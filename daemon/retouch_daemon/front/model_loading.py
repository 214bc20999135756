"""A model on its way into the engine's memory, told several times a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from retouch.models.records import ModelRecord
from retouch.v1 import catalog_service_pb2 as pb
from retouch_daemon.front.asking import starting
from retouch_daemon.front.statuses import refuse_unless_answered
from retouch_daemon.front.worker_process import WorkerProcess
from retouch_daemon.link.frames import Frame

#: Seconds between two looks at how far it is.
_LOOK: Final = 0.2


class ModelLoadings:
    """What is being loaded: a model that several ask for, or one again and again, is loaded once.

    Args:
        engine, gate: where to.
    """

    def __init__(self, engine: WorkerProcess, gate: WorkerProcess) -> None:
        self.engine, self._gate = engine, gate
        self._loading: dict[str, asyncio.Task[list[Frame]]] = {}

    def workers(self, record: ModelRecord) -> tuple[WorkerProcess, ...]:
        """Where a model is loaded: of checkpoints the gate needs the decoder."""
        return (self.engine, self._gate) if record.kind == "checkpoint" else (self.engine,)

    def begun(self, record: ModelRecord) -> asyncio.Task[list[Frame]]:
        """Return the loading of a model, begun if need be; nobody may cancel it."""
        task = self._loading.get(record.name)
        if task is None:
            task = asyncio.create_task(self._load(record))
            self._loading[record.name] = task
            task.add_done_callback(lambda done: self._ended(record.name, done))
        return task

    async def _load(self, record: ModelRecord) -> list[Frame]:
        name = record.name.encode()
        asked = (worker.call("load_model", name) for worker in self.workers(record))
        return list(await asyncio.gather(*asked))

    def _ended(self, name: str, task: asyncio.Task[list[Frame]]) -> None:
        self._loading.pop(name, None)
        if not task.cancelled():
            task.exception()  # whoever waits for it is told; perhaps nobody does


class ModelLoading:
    """One caller's wait for a model: all of it in the engine, and its decoder in the gate.

    Args:
        loadings: of all callers.
        record: of the model.
    """

    def __init__(self, loadings: ModelLoadings, record: ModelRecord) -> None:
        self._loadings, self._record = loadings, record
        self._engine = loadings.engine
        self._name, self._total = record.name.encode(), record.bytes
        self._began, self._there = time.monotonic(), 0

    async def run(self) -> AsyncIterator[pb.LoadModelResponse]:
        """Yield how far it is, and at last that it is ready; a caller who leaves stops nothing.

        Raises:
            Refusal: it cannot be loaded. WorkerGone: there is no engine, or none any more.
        """
        for worker in self._loadings.workers(self._record):
            async for _ in starting(worker):
                yield self._said(pb.LOAD_STAGE_LOADING, 0)
        loading = self._loadings.begun(self._record)
        while not (await asyncio.wait({loading}, timeout=_LOOK))[0]:
            yield await self._progress(loading)
        for answer in loading.result():
            refuse_unless_answered(answer, "load_model")
        yield self._said(pb.LOAD_STAGE_READY, self._total)

    async def _progress(self, loading: asyncio.Future[list[Frame]]) -> pb.LoadModelResponse:
        asked = asyncio.create_task(self._engine.call("models", self._name))
        # The engine answers between two forwards, which may take longer than the loading.
        both: set[asyncio.Future[Any]] = {asked, loading}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if asked.done() and asked.exception() is None:
            there = asked.result().number("bytes")
            # The engine forgets what it has loaded, while the gate may still be loading.
            self._there = max(self._there, min(there, self._total))
        else:
            asked.cancel()
        return self._said(pb.LOAD_STAGE_LOADING, self._there)

    def _said(self, stage: pb.LoadStage.ValueType, there: int) -> pb.LoadModelResponse:
        found = pb.LoadModelResponse(stage=stage, loaded_bytes=there, total_bytes=self._total)
        found.elapsed.FromNanoseconds(round((time.monotonic() - self._began) * 1e9))
        return found
