"""Previews are there to be fetched, and wait for no disk."""

import hashlib
import os

import pytest

from retouch.v1 import job_pb2
from retouch_daemon.storage.errors import NoDigest, UnknownBlob
from retouch_daemon.storage.job_records import NewJob
from retouch_daemon.storage.journal import Journal
from retouch_daemon.storage.passing_blobs import PassingBlobs


@pytest.fixture
def synced(monkeypatch):
    """Names of what was synced."""
    found, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: found.append(file) or sync(file))
    return found


def test_a_preview_is_read_as_any_blob_and_is_never_on_the_disk(make_store, synced):
    store = make_store()
    before = {file for file in store.folder.rglob("*") if file.is_file()}
    digest = store.pass_on(b"look", "host", 60.0)
    assert digest == hashlib.sha256(b"look").hexdigest() and not synced
    assert store.read(digest) == b"look"
    with store.opened(digest) as file:
        assert file.read() == b"look"
    assert (store.stat(digest).size, store.stat(digest).pinned) == (4, False)
    assert {file for file in store.folder.rglob("*") if file.is_file()} == before
    assert store.total() == 0
    assert store.missing([digest]) == {digest: 0}, "a worker could not read it: jobs need it sent"


def test_one_that_is_sent_or_pinned_stays(make_store):
    store = make_store()
    sent, pinned = (store.pass_on(data, "host", 60.0) for data in (b"sent", b"pinned"))
    store.append(sent, 0, b"sent", "host")
    store.finish(sent, "host")
    store.pin(pinned, True)
    again = make_store()  # as after a restart
    assert again.read(sent) == b"sent" and again.read(pinned) == b"pinned"
    assert again.stat(pinned).pinned and again.total("host") == 10


def test_one_that_only_passes_is_gone_after_its_time_and_a_restart(make_store):
    store = make_store()
    digest = store.pass_on(b"look", "host", 0.0)
    for each in (store, make_store()):
        for call in (each.read, each.stat, each.opened, lambda name, s=each: s.pin(name, True)):
            with pytest.raises(UnknownBlob):
                call(digest)
    with pytest.raises(NoDigest):
        store.read("../token")


def test_where_memory_is_full_it_is_stored_so_that_it_stays_its_time(make_store):
    store = make_store(passing_bytes=10, total_bytes=20)
    first = store.pass_on(b"1" * 6, "host", 60.0)
    second = store.pass_on(b"2" * 6, "host", 60.0)
    assert store.missing([first, second]) == {first: 0}
    store.add(b"3" * 14, "other")
    assert store.read(first) == b"1" * 6 and store.read(second) == b"2" * 6


def test_room_comes_back_with_time_and_the_same_counts_once():
    clock = [0.0]
    passing = PassingBlobs(10, lambda: clock[0])
    assert passing.keep("a", b"x" * 8, "host", 5.0)
    assert passing.keep("a", b"x" * 8, "host", 7.0)
    assert not passing.keep("b", b"y" * 3, "host", 5.0)
    clock[0] = 6.9
    assert passing.get("a").data == b"x" * 8
    clock[0] = 7.0
    assert passing.get("a") is None
    assert passing.keep("b", b"y" * 10, "host", 5.0)


def test_the_disk_is_waited_for_where_something_could_be_lost(make_store):
    """Before the engine began every edit waited for the disk to have its phases."""
    store = make_store()
    journal = Journal(store.database)
    job, _ = journal.submit(NewJob("host", "1", b""))
    waited = []
    store.database._connection.set_trace_callback(waited.append)

    def waits():
        """Whether the last that was written waited."""
        written = max(n for n, each in enumerate(waited) if each.startswith("INSERT"))
        (*_, mode) = (each for each in waited[:written] if "synchronous" in each)
        waited.clear()
        return "FULL" in mode

    phases = job_pb2.JobEvent(phases=job_pb2.Phases()).SerializeToString()
    journal.keep(job.job_id, phases, seq=1, lasting=False)
    assert not waits()
    digest = store.add(b"result", "host").digest
    assert not waits(), "its file is on the disk, and counted at a start"
    journal.keep(job.job_id, b"result", seq=2, blobs=(digest,))
    assert waits()
