"""Pictures by content: uploaded once, in pieces, resumable; checked on the way in and out."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retouch_daemon.storage.database import Database
from retouch_daemon.storage.disk import disk, size_of, sync_folder
from retouch_daemon.storage.errors import CorruptBlob, QuotaExceeded, UnknownBlob, WrongOffset
from retouch_daemon.storage.reading import blob_file, checked_digest, read_blob

_UPLOADS: Final = "uploads"
#: Seconds after which an upload that does not go on is dropped.
ABANDONED: Final = 86_400.0
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


@dataclass(frozen=True, slots=True)
class BlobLimits:
    """How much may be kept.

    Attributes:
        blob_bytes: of one blob.
        client_bytes: of one client, uploads under way included.
        total_bytes: of all.

    Of either, what nobody needs is evicted first.
    """

    blob_bytes: int = 1 << 30
    client_bytes: int = 8 << 30
    total_bytes: int = 16 << 30


class BlobStore:
    """Bytes by their SHA-256, in files of their own below one folder.

    A file gets its name only when its bytes are on the disk and have the digest, so that a crash
    leaves nothing half-stored. Eviction takes the longest unused, and never what is pinned or what
    a kept job refers to.

    Args:
        folder: made if missing, readable by its owner only.
        database: knows sizes, owners and pins.
        limits: see :class:`BlobLimits`.
    """

    def __init__(self, folder: Path, database: Database, limits: BlobLimits) -> None:
        self.folder, self.database, self.limits = folder, database, limits
        self._lock = threading.RLock()
        self._senders: dict[str, str] = {}  # digest of an upload under way -> its client
        with disk(f"make {folder}"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / _UPLOADS).mkdir(exist_ok=True, mode=0o700)
            self._match_disk()
            self._drop_abandoned()

    def missing(self, digests: Iterable[str]) -> dict[str, int]:
        """Return what is not stored, each with the bytes of it that an upload has left here.

        Raises:
            ValueError: not a digest.
        """
        absent = [digest for digest in digests if not self.has(digest)]
        return {digest: size_of(self._upload(digest)) for digest in absent}

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
        upload = self._upload(digest)
        with self._lock, disk("keep an upload"):
            there = size_of(upload)
            if offset not in (0, there):
                raise WrongOffset(digest, offset, there)
            if not offset:
                self._drop_abandoned()
            self._check_room(digest, offset + len(chunk), client)
            self._senders[digest] = client
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
        upload = self._upload(digest)
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
            self._senders.pop(digest, None)
            if not stored and found != digest:
                raise CorruptBlob(digest, found) if found else UnknownBlob(digest)
            return self._known(digest, client)

    def add(self, data: bytes, client: str) -> BlobStat:
        """Store bytes. Raises as :meth:`append` and :meth:`finish`."""
        digest = hashlib.sha256(data).hexdigest()
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
        try:
            data = read_blob(self.folder, digest)
        except CorruptBlob:
            self._forget(digest)
            raise
        with self.database.transaction("note that a blob was used") as connection:
            connection.execute("UPDATE blobs SET used = ? WHERE digest = ?", (time.time(), digest))
        return data

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
        freed = 0
        if sum(size for _, size in rows) >= wanted:
            for digest, size in rows:
                if freed >= wanted:
                    break
                freed += size if self._forget(digest, _UNNEEDED) else 0
        return freed

    def total(self, client: str | None = None) -> int:
        """Return the bytes that are stored, of one client or of all."""
        asked = "SELECT COALESCE(SUM(size), 0) FROM blobs WHERE ?1 IS NULL OR client = ?1"
        with self.database.transaction("add up blobs") as connection:
            (found,) = connection.execute(asked, (client,)).fetchone()
        return int(found)

    def _check_room(self, digest: str, size: int, client: str) -> None:
        if size > self.limits.blob_bytes:
            fix = "send a smaller picture"
            raise QuotaExceeded("bytes of one blob", size, self.limits.blob_bytes, fix)
        others = sum(
            size_of(self._upload(other))
            for other, sender in self._senders.items()
            if sender == client and other != digest
        )
        over = self.total(client) + others + size - self.limits.client_bytes
        if over > 0 and self.evict(over, client) < over:
            wanted = self.limits.client_bytes + over
            fix = "unpin or wait, or raise the limit"
            raise QuotaExceeded("bytes of one client", wanted, self.limits.client_bytes, fix)

    def _make_room(self, size: int) -> None:
        over = self.total() + size - self.limits.total_bytes
        if over > 0 and self.evict(over) < over:
            wanted = self.limits.total_bytes + over
            fix = "unpin blobs, delete finished jobs, or raise the limit"
            raise QuotaExceeded("bytes of all clients", wanted, self.limits.total_bytes, fix)

    def _place(self, upload: Path, digest: str, more: int) -> None:
        """Give checked bytes their name; ``more`` is what that adds to all."""
        self._make_room(more)
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

    def _match_disk(self) -> None:
        """After a crash: count files that no row knows, forget rows that have no file."""
        digests = "[0-9a-f]" * 64
        files = {file.name: file.stat() for file in self.folder.glob(f"??/{digests}")}
        with self.database.transaction("count blobs") as connection:
            known = {row[0] for row in connection.execute("SELECT digest FROM blobs")}
            connection.executemany(
                "DELETE FROM blobs WHERE digest = ?", [(each,) for each in known - files.keys()]
            )
            connection.executemany(
                "INSERT INTO blobs (digest, size, client, used) VALUES (?, ?, '', ?)",
                [
                    (name, files[name].st_size, files[name].st_mtime)
                    for name in files.keys() - known
                ],
            )

    def _drop_abandoned(self) -> None:
        before = time.time() - ABANDONED
        for upload in (self.folder / _UPLOADS).iterdir():
            if upload.stat().st_mtime < before:
                upload.unlink()
                self._senders.pop(upload.name, None)

    def _file(self, digest: str) -> Path:
        return blob_file(self.folder, digest)

    def _upload(self, digest: str) -> Path:
        return self.folder / _UPLOADS / checked_digest(digest)
