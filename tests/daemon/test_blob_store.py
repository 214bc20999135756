"""Pictures by content: what is stored has its digest, fits its limits, and is there when needed."""

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from retouch_daemon.storage import disk
from retouch_daemon.storage.blob_store import BlobLimits, BlobStore
from retouch_daemon.storage.errors import (
    CorruptBlob,
    StorageFailed,
    UnknownBlob,
    WrongOffset,
)

ABSENT = "0" * 64


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


def files_below(store):
    return sorted(file.name for file in store.folder.rglob("*") if file.is_file())


def test_a_large_upload_on_its_way_to_the_disk_keeps_nobody_from_the_store(store, monkeypatch):
    """Results of edits waited until all of it had been written."""
    data = os.urandom(disk.LARGE)
    store.append(digest_of(data), 0, data, "host")
    sync, began, go_on = os.fsync, threading.Event(), threading.Event()

    def slow(descriptor):
        if os.fstat(descriptor).st_size == len(data) and not began.is_set():
            began.set()
            assert go_on.wait(20)
        sync(descriptor)

    monkeypatch.setattr(disk.os, "fsync", slow)
    with ThreadPoolExecutor(2) as pool:
        finishing = pool.submit(store.finish, digest_of(data), "host")
        assert began.wait(20)
        result = pool.submit(store.add, b"result", "another").result(20)
        go_on.set()
        assert finishing.result(20).size == len(data)
    assert store.read(result.digest) == b"result" and store.read(digest_of(data)) == data


def test_pieces_become_the_blob(store):
    data = bytes(range(256)) * 10
    digest = digest_of(data)
    assert store.missing([ABSENT, digest]) == {ABSENT: 0, digest: 0}
    assert store.append(digest, 0, data[:1000], "host") == 1000
    assert store.missing([digest], "host") == {digest: 1000}
    assert store.append(digest, 1000, data[1000:], "host") == len(data)
    assert not store.has(digest), "nothing is stored before it is checked"
    stat = store.finish(digest, "host")
    assert (stat.digest, stat.size, stat.pinned) == (digest, len(data), False)
    assert store.missing([digest, ABSENT]) == {ABSENT: 0}
    assert store.read(digest) == data
    assert files_below(store) == [digest], "no upload stays behind"


def test_an_upload_goes_on_after_a_restart(make_store):
    data = b"half and half"
    make_store().append(digest_of(data), 0, data[:5], "host")
    store = make_store()
    assert store.missing([digest_of(data)], "host") == {digest_of(data): 5}
    store.append(digest_of(data), 5, data[5:], "host")
    store.finish(digest_of(data), "host")
    assert store.read(digest_of(data)) == data


def test_a_piece_that_does_not_follow_changes_nothing(store):
    data = b"0123456789"
    store.append(digest_of(data), 0, data[:4], "host")
    for offset in (3, 5, 2**63):
        with pytest.raises(WrongOffset) as caught:
            store.append(digest_of(data), offset, b"xx", "host")
        assert caught.value.expected == 4
    store.append(digest_of(data), 4, data[4:], "host")
    assert store.finish(digest_of(data), "host").size == 10


def test_an_upload_may_start_again(store):
    store.append(digest_of(b"right"), 0, b"wrong and longer", "host")
    store.append(digest_of(b"right"), 0, b"right", "host")
    assert store.finish(digest_of(b"right"), "host").size == 5


def test_other_bytes_are_dropped(store):
    digest = digest_of(b"announced")
    store.append(digest, 0, b"sent", "host")
    with pytest.raises(CorruptBlob) as caught:
        store.finish(digest, "host")
    assert caught.value.found == digest_of(b"sent")
    assert files_below(store) == []
    with pytest.raises(UnknownBlob):
        store.finish(digest, "host")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../" + "a" * 61,
        "../../etc/passwd",
        "/etc/passwd",
        "A" * 64,
        "a" * 63,
        "a" * 65,
        "a" * 64 + "\n",
        "a" * 63 + "\0",
        "uploads",
        "é" * 64,
    ],
)
def test_no_name_leaves_the_folder(store, name):
    calls = (
        lambda: store.has(name),
        lambda: store.missing([name]),
        lambda: store.stat(name),
        lambda: store.read(name),
        lambda: store.append(name, 0, b"x", "host"),
        lambda: store.finish(name, "host"),
        lambda: store.pin(name, True),
    )
    for call in calls:
        with pytest.raises(ValueError, match="64 lower-case hexadecimal"):
            call()
    assert files_below(store) == []


def test_what_is_not_stored_is_unknown(store):
    for call in (store.stat, store.read, lambda digest: store.pin(digest, True)):
        with pytest.raises(UnknownBlob):
            call(ABSENT)


def test_what_the_disk_changed_is_dropped_and_can_be_sent_again(store):
    digest = store.add(b"picture", "host").digest
    store._file(digest).write_bytes(b"pictura")
    with pytest.raises(CorruptBlob):
        store.read(digest)
    assert not store.has(digest)
    assert store.total() == 0
    store.add(b"picture", "host")
    assert store.read(digest) == b"picture"


def test_an_upload_heals_what_the_disk_changed(store):
    digest = store.add(b"picture", "host").digest
    store._file(digest).write_bytes(b"pictura")
    store.append(digest, 0, b"picture", "host")
    store.finish(digest, "host")
    assert store.read(digest) == b"picture"


def test_a_wrong_upload_of_what_is_stored_does_no_harm(store):
    digest = store.add(b"picture", "host").digest
    store.append(digest, 0, b"pictura", "host")
    assert store.finish(digest, "host").size == 7
    assert store.read(digest) == b"picture"
    assert files_below(store) == [digest]


def test_a_crash_between_file_and_row_loses_no_count(make_store, database, monkeypatch):
    store = make_store()
    kept = store.add(b"kept", "host").digest

    def crash(digest, client):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_known", crash)
    with pytest.raises(KeyboardInterrupt):
        store.add(b"orphan", "host")
    orphan = digest_of(b"orphan")
    assert not store.has(orphan), "what was not acknowledged is sent again"
    store._file(kept).unlink()
    again = make_store()
    assert again.stat(orphan).size == 6
    assert again.total() == 6, "the file without a row counts, the row without a file does not"
    assert again.room.evict(6) == 6
    assert files_below(again) == []


def test_a_blob_that_cannot_be_noted_is_not_stored(store, database):
    refusal = "BEFORE INSERT ON blobs BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    with database.transaction("refuse") as connection:
        connection.execute(f"CREATE TEMP TRIGGER refuse {refusal}")
    digest = digest_of(b"picture")
    with pytest.raises(StorageFailed, match="disk is full"):
        store.add(b"picture", "host")
    assert store.missing([digest]) == {digest: 0}
    with pytest.raises(UnknownBlob):
        store.stat(digest)
    with database.transaction("allow") as connection:
        connection.execute("DROP TRIGGER refuse")
    store.add(b"picture", "host")
    assert store.read(digest) == b"picture"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_only_the_owner_can_look(tmp_path, database):
    previous = os.umask(0)
    try:
        store = BlobStore(tmp_path / "new" / "blobs", database, BlobLimits())
        digest = store.add(b"x", "host").digest
    finally:
        os.umask(previous)
    for folder in (store.folder, store.folder / "uploads", store._file(digest).parent):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_said(tmp_path, database):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="file"):
        BlobStore(tmp_path / "file" / "blobs", database, BlobLimits())
