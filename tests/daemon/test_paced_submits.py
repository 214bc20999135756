"""Word of many edits waits, the edits do not: a real server and queue, without workers."""

import asyncio
import hashlib
import time
from pathlib import Path

import grpc
import pytest

import retouch
from retouch.v1 import edit_pb2, image_pb2
from retouch.v1 import edit_service_pb2 as pb
from retouch.v1 import edit_service_pb2_grpc as rpc
from retouch_daemon.front import edit_service
from retouch_daemon.front.call_guard import Callers, CallGuard
from retouch_daemon.front.call_limits import CallLimits
from retouch_daemon.front.dispatcher import Dispatcher
from retouch_daemon.front.edit_service import EditService
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.identity import TokenCheck
from retouch_daemon.front.worker_options import WorkerOptions

EACH = 0.2
HOUSE = (Path(retouch.__file__).parent / "demo" / "house.png").read_bytes()
PICTURE = hashlib.sha256(HOUSE).hexdigest()


@pytest.fixture
def run(journal, store, tmp_path, monkeypatch):
    """Run a scenario with the stub of a server whose queue nobody works at."""
    monkeypatch.setattr(edit_service, "_UNPACED", 3)
    monkeypatch.setattr(edit_service, "_PER_SECOND", 1 / EACH)
    monkeypatch.setattr(edit_service, "_AT_ONCE", 1)

    store.add(HOUSE, "host")

    async def serve(scenario):
        feed = EventFeed(journal)
        dispatcher = Dispatcher(journal, store, feed, WorkerOptions(tmp_path))
        guards = TokenCheck("right"), CallGuard(Callers(CallLimits()))
        server = grpc.aio.server(interceptors=guards)
        service = EditService(journal, store, feed, dispatcher)
        rpc.add_EditServiceServicer_to_server(service, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                async with asyncio.timeout(20):
                    await scenario(rpc.EditServiceStub(channel), dispatcher)
        finally:
            await server.stop(None)

    return lambda scenario: asyncio.run(serve(scenario))


def of(client):
    return (("authorization", "Bearer right"), ("retouch-client", client))


async def submitted(stub, name, client="greedy", priority=edit_pb2.PRIORITY_CLASS_BATCH):
    """Hand in an edit; return the seconds until the answer."""
    canvas = edit_pb2.Canvas(source=image_pb2.ImageRef(sha256=PICTURE))
    edit = edit_pb2.EditRequest(client_job_id=name, group="all", canvas=canvas, priority=priority)
    began = time.monotonic()
    await stub.Submit(pb.SubmitRequest(edit=edit), metadata=of(client))
    return time.monotonic() - began


def test_more_than_may_wait_hear_of_it_one_by_one_and_nobody_else_waits(run):
    async def scenario(stub, dispatcher):
        for number in range(3):
            assert await submitted(stub, f"first {number}") < EACH
        more = [asyncio.create_task(submitted(stub, f"more {number}")) for number in range(4)]
        while len(dispatcher.waiting) < 7:
            await asyncio.sleep(0.01)
        assert sum(task.done() for task in more) <= 2, "they are in the queue before their answers"
        assert await submitted(stub, "another's", client="modest") < EACH
        interactive = edit_pb2.PRIORITY_CLASS_INTERACTIVE
        assert await submitted(stub, "a person's", priority=interactive) < EACH
        taken = sorted(await asyncio.gather(*more))
        assert taken[-1] >= 3 * EACH - 0.05

    run(scenario)


def test_what_is_cancelled_meanwhile_does_not_come_back(run):
    async def scenario(stub, dispatcher):
        more = [asyncio.create_task(submitted(stub, str(number))) for number in range(6)]
        while len(dispatcher.waiting) < 6:
            await asyncio.sleep(0.01)
        cancelled = await stub.Cancel(pb.CancelRequest(group="all"), metadata=of("greedy"))
        assert len(cancelled.job_ids) == 6
        await asyncio.gather(*more)
        assert dispatcher.waiting == []

    run(scenario)
