"""Room for blobs: who may keep how much, what goes first, and what never goes."""

import contextlib
import hashlib
import os
import tempfile
import threading
import time
from pathlib import Path

import pytest

from retouch_daemon.storage import blob_store
from retouch_daemon.storage.blob_store import BlobLimits, BlobStore
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.errors import QuotaExceeded, UnknownBlob
from retouch_daemon.storage.journal import Journal, NewJob, State

ABSENT = "0" * 64


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def tmp_path():
    """In memory where that can be had: what is synced after every step takes no time there."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def make(tmp_path, database):
    """Makes a store, again over the same folder as after a restart."""
    return lambda **limits: BlobStore(tmp_path / "blobs", database, BlobLimits(**limits))


def files_below(store):
    return sorted(file.name for file in store.folder.rglob("*") if file.is_file())


def test_the_longest_unused_goes_first(make):
    store = make(total_bytes=30)
    first, second, third = (store.add(bytes([n]) * 10, "host").digest for n in range(3))
    store.read(first)
    fourth = store.add(b"d" * 10, "host").digest
    assert [store.has(each) for each in (first, second, third, fourth)] == [True, False, True, True]
    assert store.total() == 30
    assert second not in files_below(store)


def test_what_is_pinned_or_used_is_never_evicted(make, database):
    journal = Journal(database)
    store = make(total_bytes=20)
    pinned, used = (store.add(bytes([n]) * 10, "host").digest for n in range(2))
    store.pin(pinned, True)
    assert store.stat(pinned).pinned
    job, _ = journal.submit(NewJob("host", "1", b"", blobs=(used,)))
    with pytest.raises(QuotaExceeded) as caught:
        store.add(b"c" * 10, "host")
    assert (caught.value.value, caught.value.allowed) == (30, 20)
    assert store.has(pinned)
    assert store.has(used)
    store.pin(pinned, False)
    store.add(b"c" * 10, "host")
    assert not store.has(pinned)
    journal.keep(job.job_id, b"", seq=1, state=State.CANCELLED)
    journal.forget(time.time() + 1)
    store.add(b"d" * 10, "host")
    assert not store.has(used)


def test_nothing_is_evicted_in_vain(make):
    store = make(total_bytes=30)
    kept = store.add(b"a" * 10, "host").digest
    with pytest.raises(QuotaExceeded, match="all clients"):
        store.add(b"b" * 31, "host")
    assert store.has(kept)


def test_a_refused_blob_can_be_finished_when_there_is_room(make):
    store = make(total_bytes=20, client_bytes=100)
    pinned = store.add(b"a" * 15, "host").digest
    store.pin(pinned, True)
    data = b"b" * 10
    store.append(digest_of(data), 0, data, "host")
    with pytest.raises(QuotaExceeded):
        store.finish(digest_of(data), "host")
    store.pin(pinned, False)
    store.finish(digest_of(data), "host")
    assert store.read(digest_of(data)) == data


def test_one_blob_is_limited(make):
    store = make(blob_bytes=10)
    store.append(ABSENT, 0, b"x" * 10, "host")
    with pytest.raises(QuotaExceeded, match="one blob"):
        store.append(ABSENT, 10, b"x", "host")


def test_uploads_under_way_count_for_their_client_only(make):
    store = make(client_bytes=20)
    store.append("1" * 64, 0, b"x" * 15, "host")
    with pytest.raises(QuotaExceeded, match="one client"):
        store.append("2" * 64, 0, b"x" * 6, "host")
    assert store.missing(["2" * 64]) == {"2" * 64: 0}
    store.append("2" * 64, 0, b"x" * 6, "other")
    store.append("1" * 64, 0, b"x" * 20, "host")  # starts again: the 15 count no more


def test_an_upload_that_a_full_store_refuses_still_counts(make):
    store = make(total_bytes=10, client_bytes=30)
    data = b"x" * 20
    store.append(digest_of(data), 0, data, "host")
    with pytest.raises(QuotaExceeded, match="all clients"):
        store.finish(digest_of(data), "host")
    with pytest.raises(QuotaExceeded, match="one client"):
        store.append(ABSENT, 0, b"x" * 11, "host")


def test_a_client_that_keeps_adding_makes_room_among_its_own(make):
    """Results are added under one name, for ever: its limit must not end the service."""
    store = make(client_bytes=30)
    other = store.add(b"o" * 25, "other").digest
    for number in range(10):
        newest = store.add(bytes([number]) * 10, "retouch").digest
    assert store.total("retouch") == 30
    assert store.has(newest)
    assert store.has(other)


def test_what_was_abandoned_is_dropped(make):
    store = make(client_bytes=20)
    store.append("1" * 64, 0, b"x" * 15, "gone")
    long_ago = time.time() - blob_store.ABANDONED - 1
    os.utime(store._upload("1" * 64), (long_ago, long_ago))
    store.append("2" * 64, 0, b"x" * 15, "gone")
    assert files_below(store) == ["2" * 64]
    os.utime(store._upload("2" * 64), (long_ago, long_ago))
    assert files_below(make()) == [], "also at the next start"


def test_eviction_spares_what_a_job_takes_meanwhile(make, database, monkeypatch):
    """The list of what nobody needs is old when the last of it is removed."""
    journal, store = Journal(database), make()
    first, second = (store.add(data, "host").digest for data in (b"first", b"secnd"))
    forget = store._forget

    def slow(digest, *where):
        if digest == first:
            journal.submit(NewJob("host", "1", b"", blobs=(second,)))
        return forget(digest, *where)

    monkeypatch.setattr(store, "_forget", slow)
    assert store.evict(10) == 5
    assert not store.has(first)
    assert store.read(second) == b"secnd"


def test_many_threads_neither_block_nor_lose(make):
    store = make(total_bytes=400)
    problems = []

    def work(number):
        try:
            for turn in range(12):
                data = bytes([number, turn]) * 25
                store.add(data, f"client{number}")
                store.missing([digest_of(data), ABSENT])
                with contextlib.suppress(UnknownBlob):  # evicted by another
                    assert store.read(digest_of(data)) == data
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "blocked for ever"
    assert problems == []
    assert 0 < store.total() <= 400
    assert sum(f.stat().st_size for f in store.folder.rglob("*") if f.is_file()) == store.total()
