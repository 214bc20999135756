"""Pictures by content: uploaded once, in pieces, resumable; checked on the way in and out."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from retouch_daemon.storage.blob_limits import BlobLimits
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.disk import disk, free_bytes, size_of, sync_folder, sync_large
from retouch_daemon.storage.errors import (
    CorruptBlob,
    QuotaExceeded,
    StorageFailed,
    UnknownBlob,
    WrongOffset,
)
from retouch_daemon.storage.held import Held
from retouch_daemon.storage.matching_disk import match_disk
from retouch_daemon.storage.reading import blob_file, opened_blob, read_blob
from retouch_daemon.storage.uploads import Uploads

_UNNEEDED: Final = "NOT pinned AND digest NOT IN (SELECT digest FROM used_blobs)"


@dataclass(frozen=True, slots=True)
class BlobStat:
    """What is known of a stored blob.

    Attributes:
        digest: SHA-256 in hexadecimal digits.
        size: bytes.
        pinned: whether it stays until it is unpinned.
    """

    digest: str
    size: int
    pinned: bool


class BlobStore:
    """Bytes by their SHA-256, in files of their own below one folder.

    A file gets its name only when its bytes are on the disk and have the digest, so that a crash
    leaves nothing half-stored. Eviction takes the longest unused, and never what is pinned or what
    a kept job refers to.

    Args:
        folder: made if missing, readable by its owner only.
        database: knows sizes, owners and pins.
        limits: see :class:`BlobLimits`.

    Attributes:
        evictions, evicted_bytes: since it was opened.
    """

    def __init__(self, folder: Path, database: Database, limits: BlobLimits) -> None:
        self.folder, self.database, self.limits = folder, database, limits
        self.evictions = self.evicted_bytes = 0
        self._lock = threading.RLock()
        with disk(f"make {folder}"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._uploads = Uploads(folder / "uploads", limits.client_uploads)
            self._held = Held()
            match_disk(folder, database)

    def missing(self, digests: Iterable[str]) -> dict[str, int]:
        """Return what is not stored, each with the bytes of it that an upload has left here.

        Raises:
            ValueError: not a digest.
        """
        absent = [digest for digest in digests if not self.has(digest)]
        return {digest: self._uploads.size(digest) for digest in absent}

    def has(self, digest: str) -> bool:
        """Return whether it is stored. Raises ValueError for what is no digest."""
        file = self._file(digest)
        with self.database.transaction("look for a blob") as connection:
            asked = "SELECT 1 FROM blobs WHERE digest = ?"
            return connection.execute(asked, (digest,)).fetchone() is not None and file.is_file()

    def stat(self, digest: str) -> BlobStat:
        """Return what is known of a blob.

        Raises:
            UnknownBlob: it is not stored. ValueError: not a digest.
        """
        file = self._file(digest)
        with self.database.transaction("read what is known of a blob") as connection:
            row = connection.execute(
                "SELECT size, pinned FROM blobs WHERE digest = ?", (digest,)
            ).fetchone()
        if row is None or not file.is_file():
            raise UnknownBlob(digest)
        return BlobStat(digest, row[0], bool(row[1]))

    def append(self, digest: str, offset: int, chunk: bytes, client: str) -> int:
        """Add a piece to an upload; return how many bytes are there now.

        Args:
            digest: of the whole.
            offset: where the piece goes: where the upload stands, or 0 to start again.
            chunk: the piece.
            client: who sends it.

        Raises:
            WrongOffset, QuotaExceeded, StorageFailed; ValueError: not a digest.
        """
        upload = self._uploads.file(digest)
        with self._lock, disk("keep an upload"):
            there = size_of(upload)
            if offset not in (0, there):
                raise WrongOffset(digest, offset, there)
            if not offset:
                self._uploads.drop_abandoned()
            self._check_room(digest, offset + len(chunk), client)
            self._check_free(len(chunk))
            self._uploads.begin(digest, client)
            with upload.open("r+b" if offset else "wb") as file:
                file.seek(offset)
                file.write(chunk)
            return offset + len(chunk)

    def finish(self, digest: str, client: str) -> BlobStat:
        """Turn an upload into a blob. Harmless when it is stored already.

        Raises:
            UnknownBlob: there is no upload. CorruptBlob: other bytes; the upload is dropped.
            QuotaExceeded, StorageFailed.
        """
        upload = self._uploads.file(digest)
        with disk("store a blob"):
            sync_large(upload)
        with self._lock, disk("store a blob"):
            stored, found = self.has(digest), ""
            if upload.is_file():
                with upload.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
                    os.fsync(file.fileno())
            if found == digest:
                # Also where it is stored: the disk may have changed those bytes.
                self._place(upload, digest, 0 if stored else size_of(upload))
            elif found:
                upload.unlink()
            self._uploads.end(digest)
            if not stored and found != digest:
                raise CorruptBlob(digest, found) if found else UnknownBlob(digest)
            return self._known(digest, client)

    def add(self, data: bytes, client: str, hold: float = 0.0) -> BlobStat:
        """Store bytes; hold them for some seconds. Raises as :meth:`append` and :meth:`finish`."""
        digest = hashlib.sha256(data).hexdigest()
        self._held.hold(digest, hold)
        with self._lock:
            if not self.has(digest):
                self.append(digest, 0, data, client)
            return self.finish(digest, client)

    def read(self, digest: str) -> bytes:
        """Return the bytes of a blob, whose digest is checked, and note that it was used.

        Raises:
            UnknownBlob: not stored. CorruptBlob: the disk has changed it; it is dropped, so that
            it can be uploaded again. StorageFailed.
        """
        with self._used(digest):
            return read_blob(self.folder, digest)

    def opened(self, digest: str) -> BinaryIO:
        """Return the file of a blob, open, for those too large to hold. Raises as :meth:`read`."""
        with self._used(digest):
            return opened_blob(self.folder, digest)

    @contextmanager
    def _used(self, digest: str) -> Iterator[None]:
        try:
            yield
        except CorruptBlob:
            self._forget(digest)
            raise
        # A power cut may take this: it only says which goes first where room is needed.
        with self.database.transaction("note that a blob was used", lasting=False) as connection:
            connection.execute("UPDATE blobs SET used = ? WHERE digest = ?", (time.time(), digest))

    def pin(self, digest: str, pinned: bool) -> None:
        """Keep a blob until it is unpinned, or not any longer. Raises UnknownBlob."""
        with self.database.transaction("pin a blob") as connection:
            self.stat(digest)
            connection.execute(
                "UPDATE blobs SET pinned = ? WHERE digest = ?", (int(pinned), digest)
            )

    def evict(self, wanted: int, client: str | None = None) -> int:
        """Remove the longest unused, of one client or of all; return the bytes freed.

        As many as are ``wanted``, and none where there are not as many.
        """
        with self.database.transaction("find blobs that nobody needs") as connection:
            rows = connection.execute(
                f"SELECT digest, size FROM blobs WHERE {_UNNEEDED} "
                "AND (?1 IS NULL OR client = ?1) ORDER BY used",
                (client,),
            ).fetchall()
        rows, freed = [row for row in rows if row[0] not in self._held], 0
        if sum(size for _, size in rows) >= wanted:
            for digest, size in rows:
                if freed >= wanted:
                    break
                if self._forget(digest, _UNNEEDED):
                    freed += size
                    self.evictions += 1
        self.evicted_bytes += freed
        return freed

    def total(self, client: str | None = None) -> int:
        """Return the bytes that are stored, of one client or of all."""
        return self._sums(client)[1]

    def count(self, client: str | None = None) -> int:
        """Return how many are stored, of one client or of all."""
        return self._sums(client)[0]

    def _sums(self, client: str | None) -> tuple[int, int]:
        asked = "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM blobs"
        where, values = ("", ()) if client is None else (" WHERE client = ?", (client,))
        with self.database.transaction("add up blobs") as connection:
            count, size = connection.execute(asked + where, values).fetchone()
        return int(count), int(size)

    def _check_room(self, digest: str, size: int, client: str) -> None:
        if size > self.limits.blob_bytes:
            fix = "send a smaller picture"
            raise QuotaExceeded("bytes of one blob", size, self.limits.blob_bytes, fix)
        self._make_room(self._uploads.others(digest, client) + size, client)
        self._make_room(self._uploads.all_but(digest) + size)
        if self.count(client) >= self.limits.client_blobs and not self.evict(1, client):
            wanted, fix = self.limits.client_blobs + 1, "unpin or wait, or raise the limit"
            raise QuotaExceeded("blobs of one client", wanted, self.limits.client_blobs, fix)

    def _check_free(self, size: int) -> None:
        """Leave room on the disk for the journal. It is nobody's quota, and may be others' doing.

        Raises:
            StorageFailed.
        """
        floor = self.limits.free_bytes
        missing = floor - free_bytes(self.folder) + size if floor else 0
        if missing > 0 and self.evict(missing) < missing:
            problem = f"less than {floor} bytes would be left"
            raise StorageFailed(f"keep {size} bytes more", problem)

    def _make_room(self, size: int, client: str | None = None) -> None:
        """Evict until there is room for so many bytes, of one client or of all."""
        most = self.limits.total_bytes if client is None else self.limits.client_bytes
        over = self.total(client) + size - most
        if over > 0 and self.evict(over, client) < over:
            what = "bytes of all clients" if client is None else "bytes of one client"
            raise QuotaExceeded(what, most + over, most, "unpin some, wait, or raise the limit")

    def _place(self, upload: Path, digest: str, more: int) -> None:
        """Give checked bytes their name; ``more`` is what that adds to all."""
        self._make_room(more + self._uploads.all_but(digest))
        target = self._file(digest)
        if not target.parent.is_dir():
            target.parent.mkdir(mode=0o700)
            sync_folder(self.folder)
        upload.replace(target)
        sync_folder(target.parent)

    def _known(self, digest: str, client: str) -> BlobStat:
        size = self._file(digest).stat().st_size
        with self.database.transaction("note a blob") as connection:
            connection.execute(
                "INSERT INTO blobs (digest, size, client, used) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (digest) DO UPDATE SET used = excluded.used, size = excluded.size",
                (digest, size, client, time.time()),
            )
        return self.stat(digest)

    def _forget(self, digest: str, where: str = "TRUE") -> bool:
        """Remove a blob that is still as ``where`` says; return whether it was."""
        with self._lock, disk("remove a blob"):
            with self.database.transaction("forget a blob") as connection:
                asked = f"DELETE FROM blobs WHERE digest = ? AND {where}"
                if connection.execute(asked, (digest,)).rowcount == 0:
                    return False
                # Before the commit, for which a full disk may need this room.
                self._file(digest).unlink(missing_ok=True)
            return True

    def _file(self, digest: str) -> Path:
        return blob_file(self.folder, digest)
