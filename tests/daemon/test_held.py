"""Blobs that somebody was just told of stay for a while, whatever else needs room."""

from retouch_daemon.storage.blob_limits import BlobLimits
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.held import Held


def test_a_blob_is_held_for_as_long_as_was_said_last():
    now = [0.0]
    held = Held(lambda: now[0])
    held.hold("a", 10)
    held.hold("a", 3)
    now[0] = 9.0
    assert "a" in held and "b" not in held
    now[0] = 10.0
    assert "a" not in held


def test_what_is_held_is_not_evicted(journal, tmp_path):
    store = BlobStore(tmp_path / "blobs", journal.database, BlobLimits())
    preview, old = store.add(b"preview", "host", hold=60).digest, store.add(b"old", "host").digest
    assert store.room.evict(5) == 0, "there is nothing as large as that beside it"
    assert store.room.evict(3) == 3
    assert store.has(preview) and not store.has(old)
