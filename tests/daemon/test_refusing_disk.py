"""A disk that is full or read-only: said in words, nothing half-done, and forgiven afterwards."""

import errno
import hashlib
import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from retouch_daemon.storage.blob_store import BlobLimits, BlobStore
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.errors import StorageFailed
from retouch_daemon.storage.job_records import NewJob, State
from retouch_daemon.storage.journal import Journal

BIG = os.urandom(300_000)


@pytest.fixture
def own_disk(tmp_path):
    """A disk of one megabyte in memory; only root can have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("a disk of its own can only be mounted by root")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"no disk can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def filled(folder):
    """The disk of a folder without a free byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as problem:
                assert problem.errno == errno.ENOSPC
    yield
    filler.unlink()


@contextmanager
def limited(folder):
    """Files that may not grow: as on a full disk, with another word for it."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def unwritable(folder):
    """A disk that can only be read."""
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)


@pytest.fixture(params=[filled, limited], ids=["full", "limited"])
def place(request, tmp_path):
    """A folder, and what makes its disk refuse."""
    own = request.param is not limited
    return request.getfixturevalue("own_disk") if own else tmp_path, request.param


@pytest.fixture
def kept(place):
    """A journal and a store on one disk, and what makes it refuse."""
    folder, refusing = place
    database = Database(folder / "journal.sqlite")
    yield (
        Journal(database),
        BlobStore(folder / "blobs", database, BlobLimits()),
        lambda: refusing(folder),
    )
    database.close()


def test_a_database_that_cannot_be_made_is_said(place):
    folder, refusing = place
    with refusing(folder), pytest.raises(StorageFailed, match="cannot open"):
        Database(folder / "new" / "journal.sqlite")
    database = Database(folder / "new" / "journal.sqlite")
    assert Journal(database).jobs() == []
    database.close()


def test_a_database_that_can_only_be_read_is_said(own_disk):
    file = own_disk / "journal.sqlite"
    Database(file).close()
    with unwritable(own_disk):
        for refused in (file, own_disk / "new" / "journal.sqlite"):
            with pytest.raises(StorageFailed, match="Read-only"):
                Database(refused)
    Database(file).close()


def test_a_job_is_refused_whole(kept):
    journal, _, refusing = kept
    job, _ = journal.submit(NewJob("host", "1", b""))
    with refusing():
        with pytest.raises(StorageFailed, match="cannot keep a job"):
            journal.submit(NewJob("host", "2", BIG))
        assert [each.client_job_id for each in journal.jobs()] == ["1"], "reading goes on"
        with pytest.raises(StorageFailed, match="cannot keep an event"):
            journal.keep(job.job_id, BIG, seq=1, state=State.DONE)
    assert [each.client_job_id for each in journal.jobs()] == ["1"]
    assert journal.job(job.job_id).state is State.QUEUED
    assert journal.events(job.job_id) == []
    assert journal.next_seq(job.job_id) == 1
    assert journal.submit(NewJob("host", "2", b""))[1]
    assert journal.keep(job.job_id, b"end", seq=1, state=State.DONE)


def test_a_blob_is_refused_whole(kept):
    _, store, refusing = kept
    there = store.add(b"there", "host").digest
    digest = hashlib.sha256(BIG).hexdigest()
    with refusing():
        with pytest.raises(StorageFailed):
            store.add(BIG, "host")
        assert store.missing([there, digest]).keys() == {digest}
    assert store.total() == 5
    assert [file.name for file in store.folder.glob("??/*")] == [there]
    sent = store.missing([digest])[digest]
    store.append(digest, sent, BIG[sent:], "host")
    store.finish(digest, "host")
    assert store.read(digest) == BIG


def test_eviction_makes_room_on_a_full_disk(own_disk):
    database = Database(own_disk / "journal.sqlite")
    store = BlobStore(own_disk / "blobs", database, BlobLimits())
    first = store.add(BIG, "host").digest
    with filled(own_disk):
        with pytest.raises(StorageFailed):
            store.add(b"small", "host")
        assert store.room.evict(1) == len(BIG)
        small = store.add(b"small", "host").digest
    assert not store.has(first)
    assert store.read(small) == b"small"
    assert store.total() == 5
    database.close()


def test_blobs_on_a_disk_that_can_only_be_read_stay_as_they_are(own_disk, tmp_path):
    database = Database(tmp_path / "journal.sqlite")
    store = BlobStore(own_disk / "blobs", database, BlobLimits())
    there = store.add(b"there", "host").digest
    with unwritable(own_disk):
        for refused in (lambda: store.add(b"new", "host"), lambda: store.room.evict(5)):
            with pytest.raises(StorageFailed, match="Read-only"):
                refused()
        assert store.read(there) == b"there"
    assert store.total() == 5
    assert store.room.evict(5) == 5
    database.close()
