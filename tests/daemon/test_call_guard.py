"""A greedy client waits and the others do not: a real server, real calls, and its limits."""

import asyncio
import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from retouch.client.failures import DETAILS_KEY, FAILED_KEY, error_of_call
from retouch.v1 import blob_service_pb2 as pb
from retouch.v1 import blob_service_pb2_grpc as rpc
from retouch.v1 import edit_service_pb2, errors_pb2
from retouch_daemon.front import call_guard
from retouch_daemon.front.blob_service import BlobService
from retouch_daemon.front.call_guard import PROBES, Callers, CallGuard
from retouch_daemon.front.call_limits import CallLimits
from retouch_daemon.front.identity import TokenCheck
from retouch_daemon.front.listening import CONNECTION
from retouch_daemon.storage.blob_store import BlobLimits, BlobStore
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.errors import QuotaExceeded

DIGEST = hashlib.sha256(b"picture").hexdigest()


def of(client):
    return (("authorization", "Bearer right"), ("retouch-client", client))


def stat():
    return pb.StatRequest(sha256=DIGEST)


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self):
        return self.now


def served(scenario, client_bytes=1 << 20, **limits):
    """Run a scenario with the stub of a server with one blob, its channel and its callers."""

    async def serve(folder):
        database = Database(folder / "journal.sqlite")
        store = BlobStore(folder / "blobs", database, BlobLimits(client_bytes=client_bytes))
        store.add(b"picture", "somebody")
        callers = Callers(CallLimits(**limits))
        server = grpc.aio.server(
            interceptors=(TokenCheck("right"), CallGuard(callers)), options=CONNECTION
        )
        rpc.add_BlobServiceServicer_to_server(BlobService(store), server)
        health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
        server.add_generic_rpc_handlers((_edit_service(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with (
                grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
                asyncio.timeout(20),
            ):
                return await scenario(rpc.BlobServiceStub(channel), channel, callers)
        finally:
            await server.stop(None)
            database.close()

    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        return asyncio.run(serve(Path(folder)))


def _edit_service():
    async def submit(request, context):
        return edit_service_pb2.SubmitResponse()

    handler = grpc.unary_unary_rpc_method_handler(
        submit,
        edit_service_pb2.SubmitRequest.FromString,
        edit_service_pb2.SubmitResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler("retouch.v1.EditService", {"Submit": handler})


class _Told:
    """An error of asyncio's calls, as those of the other kind look."""

    def __init__(self, problem):
        self._problem = problem

    def trailing_metadata(self):
        return [_Datum(key, value) for key, value in self._problem.trailing_metadata()]


class _Datum(NamedTuple):
    key: str
    value: bytes


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def test_a_greedy_client_is_told_when_to_come_back_and_others_are_served():
    async def scenario(stub, _, callers):
        for _ in range(5):
            await stub.Stat(stat(), metadata=of("greedy"))
        problem = await refused(stub.Stat(stat(), metadata=of("greedy")))
        for _ in range(5):
            await stub.Stat(stat(), metadata=of("modest"))
        return problem, callers.refusals

    problem, refusals = served(scenario, per_second=0.5, burst=5)
    assert problem.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "Fix: ask at most 0.5 times a second" in problem.details()
    sent = dict(problem.trailing_metadata())
    failed = errors_pb2.Failed.FromString(sent[FAILED_KEY])
    assert failed.retryable and failed.code == errors_pb2.ERROR_CODE_EXHAUSTED
    details = status_pb2.Status.FromString(sent[DETAILS_KEY])
    assert details.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    retry = error_details_pb2.RetryInfo()
    assert sum(each.Unpack(retry) for each in details.details) == 1
    assert 1.0 < retry.retry_delay.ToMilliseconds() / 1000 <= 2.0
    assert refusals["calls in a short time"] == 1
    found = error_of_call(_Told(problem), "here")
    assert found.retryable and 1.0 < found.retry_seconds <= 2.0


def test_whoever_asks_again_at_once_is_held_and_nobody_else_is(monkeypatch):
    """Refusals at full speed took most of a core, from everybody."""
    monkeypatch.setattr(call_guard, "_HELD", 1.5)
    monkeypatch.setattr(call_guard, "_HELD_MOST", 1.5)

    async def scenario(stub, _, callers):
        await stub.Stat(stat(), metadata=of("greedy"))
        began = time.monotonic()
        flood = [asyncio.create_task(refused(stub.Stat(stat(), metadata=of("greedy"))))
                 for _ in range(4)]  # fmt: skip
        ended = [asyncio.create_task(_seconds(task, began)) for task in flood]
        await stub.Stat(stat(), metadata=of("modest"))
        modest = time.monotonic() - began
        return modest, sorted([await each for each in ended])

    modest, held = served(scenario, per_second=0.1, burst=1, at_once=3)
    assert modest < call_guard._HELD
    assert held[0] < call_guard._HELD, "the fourth is one too many to be held"
    assert all(call_guard._HELD <= each < 10 for each in held[1:])


def test_who_is_refused_again_and_again_waits_longer_and_is_forgiven():
    async def waits(count):
        for _ in range(count):
            await callers.hold("greedy")
        return slept[-1]

    slept, clock = [], Clock()
    callers = Callers(CallLimits(per_second=1, burst=1), clock)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(call_guard.asyncio, "sleep", lambda seconds: _noted(slept, seconds))
        with callers.call("greedy"):
            assert asyncio.run(waits(1)) == 0.5
            assert asyncio.run(waits(8)) == 1.0
            assert asyncio.run(waits(200)) == 4.0
            clock.now += 1000
            assert asyncio.run(waits(1)) == 0.5


def test_a_refusal_comes_while_its_caller_still_waits():
    slept, callers = [], Callers(CallLimits())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(call_guard.asyncio, "sleep", lambda seconds: _noted(slept, seconds))
        with callers.call("hasty"):
            asyncio.run(callers.hold("hasty", 0.4))
            asyncio.run(callers.hold("hasty", 0.1))
    assert slept == [pytest.approx(0.2), 0.0]


async def _noted(slept, seconds):
    slept.append(seconds)


def test_a_refusal_of_the_store_is_held_as_well(monkeypatch):
    monkeypatch.setattr(call_guard, "_HELD", 0.4)

    async def scenario(stub, *_):
        other = b"another picture"
        name = hashlib.sha256(other).hexdigest()
        pieces = iter([pb.PutRequest(sha256=name, chunk=other)])
        began = time.monotonic()
        problem = await refused(stub.Put(pieces, metadata=of("greedy")))
        return problem.code(), time.monotonic() - began

    code, seconds = served(scenario, client_bytes=8)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED and seconds >= 0.4


async def _seconds(task, began):
    await task
    return time.monotonic() - began


def test_a_bucket_fills_up_again_and_never_over_its_brim():
    clock = Clock()
    callers = Callers(CallLimits(per_second=2, burst=3), clock)

    def calls():
        count = 0
        while True:
            try:
                with callers.call("host"):
                    count += 1
            except QuotaExceeded as problem:
                assert 0 < problem.retry_seconds <= 0.5
                return count

    assert calls() == 3
    clock.now = 1.0
    assert calls() == 2
    clock.now = 1000.0
    assert calls() == 3


def test_open_calls_are_limited_for_each_client_and_end_with_the_call():
    async def scenario(stub, _, callers):
        held = []
        for _ in range(3):
            call = stub.Put(metadata=of("greedy"))
            await call.write(pb.PutRequest(sha256=DIGEST, chunk=b"pic"))
            held.append(call)
        while callers.open_calls().get("greedy") != 3:
            await asyncio.sleep(0.01)
        problem = await refused(stub.Stat(stat(), metadata=of("greedy")))
        await stub.Stat(stat(), metadata=of("modest"))
        for call in held:
            call.cancel()
        while callers.open_calls():
            await asyncio.sleep(0.01)
        await stub.Stat(stat(), metadata=of("greedy"))
        return problem

    problem = served(scenario, at_once=3)
    assert problem.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "calls at once: got 4; allowed: 3" in problem.details()


def test_probes_need_no_token_but_cannot_take_all_the_room():
    async def scenario(stub, channel, callers):
        probe = health_pb2_grpc.HealthStub(channel)
        watching = [probe.Watch(health_pb2.HealthCheckRequest()) for _ in range(2)]
        for call in watching:
            await call.read()
        problem = await refused(probe.Check(health_pb2.HealthCheckRequest()))
        await stub.Stat(stat(), metadata=of("host"))
        found = callers.open_calls()
        for call in watching:
            call.cancel()
        return problem.code(), found

    code, calls = served(scenario, probes=2)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert calls == {PROBES: 2}


def test_many_names_are_no_way_around_the_limits():
    clock = Clock()
    callers = Callers(CallLimits(per_second=1, burst=2, clients=3), clock)
    for name in "abc":
        with callers.call(name):
            pass
    with pytest.raises(QuotaExceeded, match="clients: got 4; allowed: 3"), callers.call("d"):
        pass
    clock.now = 5.0  # whoever has been quiet for so long is as good as new
    with callers.call("d"):
        pass


def test_who_has_calls_open_is_not_forgotten():
    clock = Clock()
    callers = Callers(CallLimits(clients=1, at_once=1), clock)
    with callers.call("a"):
        clock.now = 100.0
        with pytest.raises(QuotaExceeded), callers.call("b"):
            pass
        assert callers.open_calls() == {"a": 1}


def test_an_upload_that_falls_silent_is_ended_and_can_go_on():
    async def scenario(stub, _, callers):
        call = stub.Put(metadata=of("slow"))
        digest = hashlib.sha256(b"other picture").hexdigest()
        await call.write(pb.PutRequest(sha256=digest, chunk=b"other"))
        problem = await refused(call)
        question = pb.MissingRequest(sha256=[digest])
        left = (await stub.Missing(question, metadata=of("slow"))).missing[0]
        return problem, left.uploaded_bytes, callers.open_calls()

    problem, left, calls = served(scenario, piece_seconds=1.0)
    assert problem.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "silent for 1 s" in problem.details()
    assert left == 5
    assert calls == {}


def test_a_large_request_is_refused_by_its_size():
    async def scenario(stub, _, __):
        question = pb.MissingRequest(sha256=["0" * 64] * 20)
        return await refused(stub.Missing(question, metadata=of("host")))

    problem = served(scenario, request_bytes=1000)
    assert problem.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "at most 1000 bytes" in problem.details()


@pytest.mark.parametrize(
    ("metadata", "chunk"), [((("x", "y" * 20_000),), b"1"), ((), bytes(5 << 20))]
)
def test_what_is_too_large_for_any_use_is_not_even_read(metadata, chunk):
    async def scenario(stub, _, __):
        pieces = iter([pb.PutRequest(sha256=DIGEST, chunk=chunk)])
        problem = await refused(stub.Put(pieces, metadata=(*of("host"), *metadata)))
        await stub.Stat(stat(), metadata=of("host"))
        return problem.code()

    assert served(scenario) is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_while_it_drains_no_new_work_is_taken():
    async def scenario(stub, channel, callers):
        submit = channel.unary_unary(
            "/retouch.v1.EditService/Submit",
            edit_service_pb2.SubmitRequest.SerializeToString,
            edit_service_pb2.SubmitResponse.FromString,
        )
        await submit(edit_service_pb2.SubmitRequest(), metadata=of("host"))
        callers.draining = True
        await stub.Stat(stat(), metadata=of("host"))
        return await refused(submit(edit_service_pb2.SubmitRequest(), metadata=of("host")))

    problem = served(scenario)
    assert problem.code() is grpc.StatusCode.UNAVAILABLE
    assert errors_pb2.Failed.FromString(dict(problem.trailing_metadata())[FAILED_KEY]).retryable


def test_a_stranger_costs_nobody_anything():
    async def scenario(stub, _, callers):
        for _ in range(3):
            await refused(stub.Stat(stat(), metadata=(("retouch-client", "host"),)))
        await stub.Stat(stat(), metadata=of("host"))
        return callers.refusals

    assert not served(scenario, burst=1, per_second=0.01)
