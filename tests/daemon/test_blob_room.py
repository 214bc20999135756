"""Room for blobs: who may keep how much, what goes first, and what never goes."""

import contextlib
import hashlib
import os
import threading
import time

import pytest

from retouch_daemon.storage import blob_room, uploads, verified_files
from retouch_daemon.storage.errors import (
    CorruptBlob,
    QuotaExceeded,
    StorageFailed,
    UnknownBlob,
)
from retouch_daemon.storage.job_records import NewJob, State
from retouch_daemon.storage.journal import Journal

ABSENT = "0" * 64


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


def files_below(store):
    """Digests of all that is there; those of uploads come behind the key of their client."""
    found = (file.name for file in store.folder.rglob("*") if file.is_file())
    return sorted(name.split("-")[-1] for name in found)


def test_the_longest_unused_goes_first(make_store):
    store = make_store(total_bytes=30)
    first, second, third = (store.add(bytes([n]) * 10, "host").digest for n in range(3))
    store.read(first)
    fourth = store.add(b"d" * 10, "host").digest
    assert [store.has(each) for each in (first, second, third, fourth)] == [True, False, True, True]
    assert store.total() == 30
    assert second not in files_below(store)


def test_what_is_pinned_or_used_is_never_evicted(make_store, database):
    journal = Journal(database)
    store = make_store(total_bytes=20)
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


def test_nothing_is_evicted_in_vain(make_store):
    store = make_store(total_bytes=30)
    kept = store.add(b"a" * 10, "host").digest
    with pytest.raises(QuotaExceeded, match="all clients"):
        store.add(b"b" * 31, "host")
    assert store.has(kept)


def test_a_refused_blob_can_be_finished_when_there_is_room(make_store):
    store = make_store(total_bytes=20, client_bytes=100)
    pinned = store.add(b"a" * 15, "host").digest
    store.pin(pinned, True)
    data = b"b" * 10
    store.append(digest_of(data), 0, data[:5], "host")
    with pytest.raises(QuotaExceeded):
        store.append(digest_of(data), 5, data[5:], "host")
    store.pin(pinned, False)
    store.append(digest_of(data), 5, data[5:], "host")
    store.finish(digest_of(data), "host")
    assert store.read(digest_of(data)) == data


def test_one_blob_is_limited(make_store):
    store = make_store(blob_bytes=10)
    store.append(ABSENT, 0, b"x" * 10, "host")
    with pytest.raises(QuotaExceeded, match="one blob"):
        store.append(ABSENT, 10, b"x", "host")


def test_uploads_under_way_count_for_their_client_only(make_store):
    store = make_store(client_bytes=20)
    store.append("1" * 64, 0, b"x" * 15, "host")
    with pytest.raises(QuotaExceeded, match="one client"):
        store.append("2" * 64, 0, b"x" * 6, "host")
    assert store.missing(["2" * 64]) == {"2" * 64: 0}
    store.append("2" * 64, 0, b"x" * 6, "other")
    store.append("1" * 64, 0, b"x" * 20, "host")  # starts again: the 15 count no more


def test_uploads_under_way_count_among_all_bytes(make_store):
    store = make_store(total_bytes=20, client_bytes=30)
    store.append("1" * 64, 0, b"x" * 15, "host")
    with pytest.raises(QuotaExceeded, match="all clients"):
        store.append("2" * 64, 0, b"x" * 6, "other")
    assert store.missing(["2" * 64]) == {"2" * 64: 0}
    store.append("2" * 64, 0, b"x" * 5, "other")
    with pytest.raises(QuotaExceeded, match="all clients"):
        store.add(b"y", "third")


def test_uploads_that_an_earlier_daemon_began_count_too(make_store):
    make_store().append("1" * 64, 0, b"x" * 15, "host")
    with pytest.raises(QuotaExceeded, match="all clients"):
        make_store(total_bytes=20).add(b"y" * 6, "other")


def test_a_client_that_keeps_adding_makes_room_among_its_own(make_store):
    """Results are added under one name, for ever: its limit must not end the service."""
    store = make_store(client_bytes=30)
    other = store.add(b"o" * 25, "other").digest
    for number in range(10):
        newest = store.add(bytes([number]) * 10, "retouch").digest
    assert store.total("retouch") == 30
    assert store.has(newest)
    assert store.has(other)


def test_what_was_abandoned_is_dropped(make_store):
    store = make_store(client_bytes=20)
    store.append("1" * 64, 0, b"x" * 15, "gone")
    long_ago = time.time() - uploads.ABANDONED - 1
    os.utime(store._uploads.find("1" * 64, "gone").file, (long_ago, long_ago))
    store.append("2" * 64, 0, b"x" * 15, "gone")
    assert files_below(store) == ["2" * 64]
    os.utime(store._uploads.find("2" * 64, "gone").file, (long_ago, long_ago))
    assert files_below(make_store()) == [], "also at the next start"


def test_eviction_spares_what_a_job_takes_meanwhile(make_store, database, monkeypatch):
    """The list of what nobody needs is old when the last of it is removed."""
    journal, store = Journal(database), make_store()
    first, second = (store.add(data, "host").digest for data in (b"first", b"secnd"))
    forget = store.room._forget

    def slow(digest, *where):
        if digest == first:
            journal.submit(NewJob("host", "1", b"", blobs=(second,)))
        return forget(digest, *where)

    monkeypatch.setattr(store.room, "_forget", slow)
    assert store.room.evict(10) == 5
    assert not store.has(first)
    assert store.read(second) == b"secnd"


def test_many_threads_neither_block_nor_lose(make_store):
    store = make_store(total_bytes=400)
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


def test_a_client_has_so_many_blobs_and_its_oldest_makes_room(make_store):
    store = make_store(client_blobs=2)
    first, second = (store.add(bytes([n]), "host").digest for n in range(2))
    store.add(b"of another", "other")
    third = store.add(b"third", "host").digest
    assert [store.has(each) for each in (first, second, third)] == [False, True, True]
    assert store.count("host") == 2
    for each in (second, third):
        store.pin(each, True)
    with pytest.raises(QuotaExceeded, match="blobs of one client: got 3; allowed: 2"):
        store.add(b"fourth", "host")
    assert (store.room.evictions, store.room.evicted_bytes) == (1, 1)


def test_of_too_many_uploads_the_longest_untouched_is_dropped(make_store):
    store = make_store(client_uploads=2)
    for name in "123":
        store.append(name * 64, 0, b"x", "host")
    store.append("4" * 64, 0, b"x", "other")
    assert files_below(store) == ["2" * 64, "3" * 64, "4" * 64]
    store.append("2" * 64, 1, b"y", "host")  # going on is no new one
    assert files_below(store) == ["2" * 64, "3" * 64, "4" * 64]
    store.append("5" * 64, 0, b"x", "host")
    assert files_below(store) == ["2" * 64, "4" * 64, "5" * 64], "the one at work stays"


def test_blobs_leave_room_on_the_disk_for_the_journal(make_store, monkeypatch):
    free = [1000]
    monkeypatch.setattr(blob_room, "free_bytes", lambda folder: free[0])
    store = make_store(free_bytes=100)
    old = store.add(b"o" * 50, "host").digest
    free[0] = 120
    store.append(ABSENT, 0, b"x" * 20, "host")
    with pytest.raises(StorageFailed, match="less than 100 bytes would be left"):
        store.append(ABSENT, 20, b"x" * 90, "host")
    assert store.has(old), "not in vain"
    store.append(ABSENT, 20, b"x" * 60, "host")
    assert not store.has(old)


def test_a_blob_is_read_in_pieces_also_while_it_is_evicted(make_store):
    store = make_store()
    digest = store.add(b"picture", "host").digest
    with store.opened(digest) as file:
        store.room.evict(7)
        assert not store.has(digest)
        assert file.read() == b"picture"
    with pytest.raises(UnknownBlob):
        store.opened(digest)


def test_a_blob_that_the_disk_has_changed_is_not_opened(make_store):
    store = make_store()
    digest = store.add(b"picture", "host").digest
    (store.folder / digest[:2] / digest).write_bytes(b"pictures")
    with pytest.raises(CorruptBlob):
        store.opened(digest)
    assert not store.has(digest)


@pytest.fixture
def hashed(monkeypatch):
    """The files that were read to know their digests."""
    names, digest = [], hashlib.file_digest

    def file_digest(file, kind):
        names.append(file.name)
        return digest(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", file_digest)
    return names


def test_a_blob_is_read_to_be_checked_once_until_something_has_changed_it(make_store, hashed):
    """Asked for again and again, a large one took a core."""
    store = make_store()
    digest = store.add(b"picture", "host").digest
    hashed.clear()
    for _ in range(3):
        with store.opened(digest) as file:
            assert file.read() == b"picture"
    assert len(hashed) == 1
    path = store.folder / digest[:2] / digest
    path.write_bytes(b"picture")
    with store.opened(digest) as file:
        assert file.read() == b"picture"
    assert len(hashed) == 2
    path.write_bytes(b"PICTURE")
    with pytest.raises(CorruptBlob):
        store.opened(digest)
    assert not store.has(digest)


def test_a_blob_is_checked_again_after_a_while(make_store, hashed, monkeypatch):
    store = make_store()
    digest = store.add(b"picture", "host").digest
    store.opened(digest).close()
    monkeypatch.setattr(verified_files, "SECONDS", 0.0)
    hashed.clear()
    store.opened(digest).close()
    assert len(hashed) == 1


def test_few_checked_files_are_remembered(make_store, hashed, monkeypatch):
    monkeypatch.setattr(verified_files, "MOST", 2)
    store = make_store()
    digests = [store.add(bytes([n]), "host").digest for n in range(3)]
    for digest in digests:
        store.opened(digest).close()
    hashed.clear()
    for digest in reversed(digests):
        store.opened(digest).close()
    assert len(hashed) == 1, "the first one was forgotten"


def test_blobs_can_be_read_where_nothing_can_be_noted(make_store, database, monkeypatch):
    """A full disk kept clients from the results that were on it."""
    store = make_store()
    digest = store.add(b"picture", "host").digest
    transaction = database.transaction

    def refusing(what, **given):
        if what == "note that blobs were used":
            raise StorageFailed(what, "disk full")
        return transaction(what, **given)

    monkeypatch.setattr(database, "transaction", refusing)
    assert store.read(digest) == b"picture"
    assert store.room.evict(1) == 7
