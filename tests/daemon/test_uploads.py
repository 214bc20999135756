"""Uploads under way: nobody's is in another's way, or waits while another's is read."""

import asyncio
import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from retouch.v1 import blob_service_pb2 as pb
from retouch.v1 import blob_service_pb2_grpc as rpc
from retouch_daemon.front import blob_service
from retouch_daemon.front.blob_service import CHUNK, BlobService
from retouch_daemon.front.call_guard import Callers, CallGuard
from retouch_daemon.front.call_limits import CallLimits
from retouch_daemon.storage.blob_store import BlobLimits
from retouch_daemon.storage.errors import CorruptBlob, QuotaExceeded, UnknownBlob, WrongOffset

DATA = bytes(range(256)) * 8
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def reading(monkeypatch):
    """What hashes files waits until it is let; the names of those that do."""
    hashing, go_on, names = hashlib.file_digest, threading.Event(), []

    def held(file, kind):
        if kind == "sha256" and Path(file.name).parent.name == "uploads":
            names.append(file.name)
            assert go_on.wait(20)
        return hashing(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", held)
    yield go_on, names
    go_on.set()


def wait_for(condition):
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came to that")


def uploads_of(store):
    return sorted(file.name for file in (store.folder / "uploads").iterdir())


def test_an_upload_that_is_read_to_check_it_keeps_nobody_from_the_store(store, reading):
    """All clients, and the results of all edits, waited for seconds where one sent a gigabyte."""
    go_on, names = reading
    store.append(DIGEST, 0, DATA, "host")
    with ThreadPoolExecutor(2) as pool:
        finishing = pool.submit(store.finish, DIGEST, "host")
        wait_for(lambda: names)
        result = pool.submit(store.add, b"result", "another").result(5)
        assert store.read(result.digest) == b"result"
        assert store.missing([DIGEST], "host") == {DIGEST: 0}, "it is in nobody's hands now"
        go_on.set()
        assert finishing.result(20).size == len(DATA)
    assert store.read(DIGEST) == DATA and uploads_of(store) == []


def test_nobody_can_add_to_the_upload_of_another(store):
    store.append(DIGEST, 0, DATA[:100], "host")
    assert store.missing([DIGEST], "other") == {DIGEST: 0}
    assert store.missing([DIGEST]) == {DIGEST: 0}
    with pytest.raises(WrongOffset) as caught:
        store.append(DIGEST, 100, b"wrong", "other")
    assert caught.value.expected == 0
    store.append(DIGEST, 0, b"wrong from the first", "other")
    assert store.missing([DIGEST], "host") == {DIGEST: 100}
    store.append(DIGEST, 100, DATA[100:], "host")
    with pytest.raises(CorruptBlob):
        store.finish(DIGEST, "other")
    with pytest.raises(UnknownBlob):
        store.finish(DIGEST, "third")
    assert store.finish(DIGEST, "host").size == len(DATA)
    assert store.read(DIGEST) == DATA and uploads_of(store) == []


def test_two_clients_send_the_same_at_once(store, reading):
    go_on, names = reading
    for client in ("host", "other"):
        store.append(DIGEST, 0, DATA, client)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(store.finish, DIGEST, client) for client in ("host", "other")]
        wait_for(lambda: len(names) == 2)
        go_on.set()
        assert [each.result(20).size for each in both] == [len(DATA)] * 2
    assert store.read(DIGEST) == DATA and uploads_of(store) == []
    assert store.total() == len(DATA), "it is kept once"


@pytest.mark.parametrize("again", [DATA, b"wrong"])
def test_a_client_sends_it_again_while_the_first_is_checked(store, reading, again):
    """What comes later must not get into bytes that are checked, or are found good, already."""
    go_on, names = reading
    store.append(DIGEST, 0, DATA, "host")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(store.finish, DIGEST, "host")
        wait_for(lambda: names)
        store.append(DIGEST, 0, again, "host")
        second = pool.submit(store.finish, DIGEST, "host")
        wait_for(lambda: len(names) == 2)
        go_on.set()
        assert first.result(20).size == len(DATA)
        if second.exception(20):  # wrong, and read before the first was stored
            assert again != DATA and isinstance(second.exception(), CorruptBlob)
    assert store.read(DIGEST) == DATA and uploads_of(store) == []


def test_every_client_goes_on_with_its_own_after_a_restart(make_store):
    store = make_store(client_bytes=5000)
    store.append(DIGEST, 0, DATA[:100], "host")
    store.append(DIGEST, 0, b"wrong", "other")
    store = make_store(client_bytes=5000)
    assert store.missing([DIGEST], "host") == {DIGEST: 100}
    assert store.missing([DIGEST], "other") == {DIGEST: 5}
    with pytest.raises(QuotaExceeded, match="one client"):
        store.append("1" * 64, 0, b"x" * 4901, "host")  # it counts for its client as before
    store.append(DIGEST, 100, DATA[100:], "host")
    store.finish(DIGEST, "host")
    assert store.read(DIGEST) == DATA


def test_what_was_checked_when_the_daemon_was_killed_can_go_on(make_store, reading):
    go_on, names = reading
    store = make_store()
    store.append(DIGEST, 0, DATA, "host")
    with ThreadPoolExecutor(1) as pool:
        finishing = pool.submit(store.finish, DIGEST, "host")
        wait_for(lambda: names)
        again = make_store()  # as the next daemon finds it: what the other goes on with is gone
        assert again.missing([DIGEST], "host") == {DIGEST: len(DATA)}
        go_on.set()
        assert finishing.exception(20) is not None
    assert again.append(DIGEST, len(DATA), b"", "host") == len(DATA)
    assert again.finish(DIGEST, "host").size == len(DATA)
    assert again.read(DIGEST) == DATA and uploads_of(again) == []


def test_what_is_checked_counts_until_it_is_stored(make_store, reading):
    go_on, names = reading
    store = make_store(client_bytes=len(DATA) + 10)
    store.append(DIGEST, 0, DATA, "host")
    with ThreadPoolExecutor(1) as pool:
        finishing = pool.submit(store.finish, DIGEST, "host")
        wait_for(lambda: names)
        with pytest.raises(QuotaExceeded, match="one client"):
            store.append("1" * 64, 0, b"x" * 11, "host")
        go_on.set()
        finishing.result(20)
    store.append("1" * 64, 0, b"x" * 10, "host")


def test_one_that_finds_no_room_at_last_goes_on_when_there_is_some(make_store):
    store = make_store(total_bytes=len(DATA))
    store.append(DIGEST, 0, DATA, "host")
    store.room.limits = BlobLimits(total_bytes=10)
    with pytest.raises(QuotaExceeded, match="all clients"):
        store.finish(DIGEST, "host")
    assert store.missing([DIGEST], "host") == {DIGEST: len(DATA)}
    store.room.limits = BlobLimits()
    assert store.finish(DIGEST, "host").size == len(DATA)


def test_what_an_older_retouch_left_is_dropped(make_store):
    """Nobody knows whose it was."""
    folder = make_store().folder / "uploads"
    (folder / DIGEST).write_bytes(DATA[:100])
    (folder / "whole.0123456789abcdef").write_bytes(b"half of a result")
    store = make_store()
    assert uploads_of(store) == [] and store.missing([DIGEST], "host") == {DIGEST: 0}


def test_large_ones_are_read_a_few_at_a_time(make_store, reading, monkeypatch):
    """They had all threads that calls have, so that no small picture was taken meanwhile."""
    go_on, names = reading
    monkeypatch.setattr("retouch_daemon.front.blob_service.LARGE", len(DATA))

    async def scenario(put):
        large = [asyncio.ensure_future(put(DATA, f"host{n}")) for n in range(12)]
        while len(names) < 2:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            go_on_small = put(b"small", "other")
            while len(names) < 3:
                await asyncio.sleep(0.01)
        assert len(names) == 3, "two large ones, and the small one"
        go_on.set()
        return [each.blob.size_bytes for each in await asyncio.gather(*large, go_on_small)]

    assert len(DATA) < CHUNK
    assert served(make_store(), scenario) == [len(DATA)] * 12 + [5]


def served(store, scenario):
    """Run a scenario with what puts a client's blob on a real server."""

    async def serve():
        server = grpc.aio.server(interceptors=(CallGuard(Callers(CallLimits())),))
        rpc.add_BlobServiceServicer_to_server(BlobService(store), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = rpc.BlobServiceStub(channel)

            def put(data, client):
                sent = pb.PutRequest(sha256=hashlib.sha256(data).hexdigest(), chunk=data)
                return stub.Put(iter([sent]), metadata=(("retouch-client", client),))

            found = await scenario(put)
        await server.stop(None)
        return found

    return asyncio.run(serve())


def test_many_side_by_side_come_one_by_one_and_those_in_a_row_never_wait(
    make_store, reading, monkeypatch
):
    """Sixty-four at a time kept the lock of the store from everybody else."""
    go_on, _ = reading
    go_on.set()
    monkeypatch.setattr(blob_service, "_UNPACED", 2)
    monkeypatch.setattr(blob_service, "_PER_SECOND", 2.0)
    monkeypatch.setattr(blob_service, "_AT_ONCE", 1)

    async def seconds(*puts):
        began = time.monotonic()
        await asyncio.gather(*puts)
        return time.monotonic() - began

    async def scenario(put):
        in_a_row = 0.0
        for number in range(10):
            in_a_row += await seconds(put(b"%d" % number, "modest"))
        go_on.clear()
        greedy = asyncio.create_task(seconds(*(put(b"also %d" % n, "greedy") for n in range(6))))
        await asyncio.sleep(0.3)  # all of them are there
        go_on.set()
        beside = await seconds(put(b"beside", "modest"))
        return in_a_row, beside, await greedy

    in_a_row, beside, greedy = served(make_store(), scenario)
    assert greedy >= 3 * 0.5 - 0.05, "two, one at once, and three that wait for their turns"
    assert in_a_row < 1.5 and beside < 0.5


@pytest.mark.parametrize("whole", [True, False])
def test_calls_of_one_client_that_send_the_same_at_once_all_end_well(store, reading, whole):
    """As an application does that begins several edits of one picture."""
    go_on, names = reading
    sent = DATA if whole else DATA[:-1]
    store.append(DIGEST, 0, sent, "one")
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(store.finish, DIGEST, "one")
        while not names and not first.done():
            time.sleep(0.01)
        others = [pool.submit(store.finish, DIGEST, "one") for _ in range(2)]
        assert not any(each.done() for each in others)
        go_on.set()
        if whole:
            assert {each.result(20).digest for each in (first, *others)} == {DIGEST}
        else:
            with pytest.raises(CorruptBlob):
                first.result(20)
            for each in others:
                with pytest.raises(UnknownBlob):
                    each.result(20)
