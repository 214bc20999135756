"""A model that several ask for, or one again and again, is loaded once."""

import asyncio
from pathlib import Path

import pytest

from retouch.models.records import ModelRecord
from retouch.v1 import catalog_service_pb2 as pb
from retouch.v1 import errors_pb2
from retouch_daemon.front import model_loading
from retouch_daemon.front.model_loading import ModelLoading, ModelLoadings
from retouch_daemon.front.statuses import Refusal
from retouch_daemon.link.frames import Frame

RECORD = ModelRecord("big", "checkpoint", Path("big"), bytes=100)


class Worker:
    """Loads when it is told to; of its questions only those about loading are counted."""

    ready = True

    def __init__(self):
        self.asked, self.loaded = 0, asyncio.Event()
        self.answer = Frame("load_model", {"call": "1"})

    async def call(self, kind, payload):
        if kind == "models":
            return Frame("models", {"call": "2", "bytes": 40})
        self.asked += 1
        await self.loaded.wait()
        return self.answer


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr(model_loading, "_LOOK", 0.01)
    return Worker(), Worker()


def scenario_of(workers, scenario):
    async def run():
        async with asyncio.timeout(10):
            return await scenario(ModelLoadings(*workers))

    return asyncio.run(run())


def test_callers_that_come_and_go_are_one_loading(workers):
    async def scenario(loadings):
        for _ in range(50):
            asked = ModelLoading(loadings, RECORD).run()
            said = await anext(asked)
            assert (said.stage, said.loaded_bytes) == (pb.LOAD_STAGE_LOADING, 40)
            await asked.aclose()
        patient = ModelLoading(loadings, RECORD).run()
        for worker in workers:
            worker.loaded.set()
        stages = [said.stage async for said in patient]
        assert stages[-1] == pb.LOAD_STAGE_READY and not loadings._loading
        return stages

    assert scenario_of(workers, scenario)
    assert [worker.asked for worker in workers] == [1, 1]


def test_one_that_failed_is_tried_again_when_it_is_asked_for_again(workers):
    engine, gate = workers
    failed = errors_pb2.Failed(code=errors_pb2.ERROR_CODE_MODEL_INVALID, message="damaged")

    async def scenario(loadings):
        engine.answer = Frame("load_model_failed", {"call": "1"}, failed.SerializeToString())
        engine.loaded.set()
        gate.loaded.set()
        for _ in range(2):
            with pytest.raises(Refusal, match="damaged"):
                async for _ in ModelLoading(loadings, RECORD).run():
                    pass

    scenario_of(workers, scenario)
    assert engine.asked == 2
