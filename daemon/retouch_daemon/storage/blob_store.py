"""Pictures by content: uploaded once, in pieces, resumable; checked on the way in and out."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from retouch_daemon.storage.blob_limits import BlobLimits
from retouch_daemon.storage.blob_room import BlobRoom
from retouch_daemon.storage.blob_rows import BlobRows, BlobStat
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.disk import disk, sync_file, sync_folder, synced_digest
from retouch_daemon.storage.errors import CorruptBlob, UnknownBlob, WrongOffset
from retouch_daemon.storage.held import Held
from retouch_daemon.storage.matching_disk import match_disk
from retouch_daemon.storage.passing_blobs import PassingBlobs
from retouch_daemon.storage.reading import blob_file, opened_blob, read_blob
from retouch_daemon.storage.uploads import Upload, Uploads
from retouch_daemon.storage.verified_files import VerifiedFiles


class BlobStore:
    """Bytes by their SHA-256, in files of their own below one folder.

    A file gets its name only when its bytes are on the disk and have the digest, so that a crash
    leaves nothing half-stored. What takes long of that, as hashing and waiting for the disk, keeps
    nobody else from the store. Every client has uploads of its own, also of the same digest.

    Args:
        folder: made if missing, readable by its owner only.
        database: knows sizes, owners and pins.
        limits: see :class:`BlobLimits`.

    Attributes:
        room: evicts what nobody needs where there is too little.
    """

    def __init__(self, folder: Path, database: Database, limits: BlobLimits) -> None:
        self.folder, self.database = folder, database
        self._lock, self._rows = threading.RLock(), BlobRows(database)
        #: Told whenever an upload that was taken is a blob, or is none.
        self._settling = threading.Condition(self._lock)
        with disk(f"make {folder}"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._uploads = Uploads(folder / "uploads", limits.client_uploads)
            self._held, self._passing = Held(), PassingBlobs(limits.passing_bytes)
            self._verified = VerifiedFiles()
            parts = self._rows, self._uploads, self._held
            self.room = BlobRoom(folder, limits, *parts, forget=self._forget)
            match_disk(folder, database)

    def missing(self, digests: Iterable[str], client: str | None = None) -> dict[str, int]:
        """Return what is not stored, each with the bytes of it that the client has sent already.

        Raises:
            ValueError: not a digest.
        """
        absent = [digest for digest in digests if not self.has(digest)]
        with self._lock:
            begun = {each: client and self._uploads.find(each, client) for each in absent}
        return {digest: upload.size if upload else 0 for digest, upload in begun.items()}

    def has(self, digest: str) -> bool:
        """Return whether it is stored. Raises ValueError for what is no digest."""
        file = self._file(digest)
        return self._rows.known(digest) is not None and file.is_file()

    def stat(self, digest: str) -> BlobStat:
        """Return what is known of a blob.

        Raises:
            UnknownBlob: it is not stored. ValueError: not a digest.
        """
        file = self._file(digest)
        known, passing = self._rows.known(digest), self._passing.get(digest)
        if known is not None and file.is_file():
            return known
        if passing is None:
            raise UnknownBlob(digest)
        return BlobStat(digest, len(passing.data), False)

    def append(self, digest: str, offset: int, chunk: bytes, client: str) -> int:
        """Add a piece to a client's upload; return how many bytes are there now.

        Args:
            digest: of the whole.
            offset: where the piece goes: where the upload stands, or 0 to start again.
            chunk: the piece.
            client: who sends it.

        Raises:
            WrongOffset, QuotaExceeded, StorageFailed; ValueError: not a digest.
        """
        with self._lock, disk("keep an upload"):
            known = self._uploads.find(digest, client)
            there = known.size if known else 0
            if offset not in (0, there):
                raise WrongOffset(digest, offset, there)
            if not offset:
                self._uploads.drop_abandoned()
            self.room.for_upload(offset + len(chunk), client, known)
            self.room.on_disk(len(chunk))
            upload = self._uploads.touch(digest, client)
            upload.write(offset, chunk)
            return upload.size

    def finish(self, digest: str, client: str, *, keep: bool = False) -> BlobStat:
        """Turn a client's upload into a blob. Harmless when it is stored already.

        Args:
            digest: of the whole.
            client: who has sent it.
            keep: whether bytes of another digest stay, to go on from there.

        Raises:
            UnknownBlob: there is no upload. CorruptBlob: other bytes; the upload is dropped.
            QuotaExceeded, StorageFailed: the upload stays.
        """
        with self._lock, disk("store a blob"):
            while (upload := self._uploads.find(digest, client)) is None:
                # Another call of this client may have sent the same, and is being waited for.
                if not self._uploads.is_taken(digest, client):
                    break
                self._settling.wait()
            if upload is None:
                self.stat(digest)
                return self._known(digest, client)
            self._uploads.take(upload)
        try:
            # Nobody else can write there now, nor has to wait until seconds later all is read.
            with disk("store a blob"):
                found = synced_digest(upload.file)
            if keep and found != digest and not self.has(digest):
                raise CorruptBlob(digest, found)
            return self._settled(upload, found, client)
        except BaseException:
            with self._lock, disk("store a blob"):
                self._uploads.give_back(upload)
                self._settling.notify_all()
            raise

    def drop_upload(self, digest: str, client: str) -> None:
        """Forget what a client has sent of a blob. Harmless where that is nothing."""
        with self._lock, disk("drop an upload"):
            if (upload := self._uploads.find(digest, client)) is not None:
                self._uploads.drop(upload)

    def _settled(self, upload: Upload, found: str, client: str) -> BlobStat:
        """Store an upload that has the digest ``found``, or drop it."""
        with self._lock, disk("store a blob"):
            stored = self.has(upload.digest)
            if found == upload.digest:
                # Also where it is stored: the disk may have changed those bytes.
                self._place(upload, 0 if stored else upload.size)
            self._uploads.drop(upload)
            self._settling.notify_all()
            if not stored and found != upload.digest:
                raise CorruptBlob(upload.digest, found)
            return self._known(upload.digest, client)

    def add(self, data: bytes, client: str, hold: float = 0.0) -> BlobStat:
        """Store bytes; hold them for some seconds. Raises as :meth:`append` and :meth:`finish`."""
        digest = hashlib.sha256(data).hexdigest()
        self._held.hold(digest, hold)
        with self._lock, disk("store a blob"):
            if self.has(digest):
                return self._known(digest, client)
            self.room.for_upload(len(data), client)
            self.room.on_disk(len(data))
            upload = self._uploads.whole(digest, client, len(data))
        try:
            with disk("store a blob"):
                upload.write(0, data)
                sync_file(upload.file)
            return self._settled(upload, digest, client)
        finally:
            with self._lock, disk("store a blob"):
                self._uploads.drop(upload)
                self._settling.notify_all()

    def pass_on(self, data: bytes, client: str, seconds: float) -> str:
        """Have bytes there to be read for some seconds, and return their digest.

        They are in memory alone: gone when this process ends, and missing for jobs. Where there is
        no room they are stored. Raises as :meth:`add`.
        """
        digest = hashlib.sha256(data).hexdigest()
        if not self._passing.keep(digest, data, client, seconds):
            self.add(data, client, seconds)
        return digest

    def read(self, digest: str) -> bytes:
        """Return the bytes of a blob, whose digest is checked, and note that it was used.

        Raises:
            UnknownBlob: not stored. CorruptBlob: the disk has changed it; it is dropped, so that
            it can be uploaded again. StorageFailed.
        """
        if (passing := self._passing.get(digest)) is not None:
            return passing.data
        with self._used(digest):
            return read_blob(self.folder, digest)

    def opened(self, digest: str) -> BinaryIO:
        """Return the file of a blob, open, for those too large to hold. Raises as :meth:`read`."""
        if (passing := self._passing.get(digest)) is not None:
            return io.BytesIO(passing.data)
        with self._used(digest):
            return opened_blob(self.folder, digest, self._verified)

    @contextmanager
    def _used(self, digest: str) -> Iterator[None]:
        try:
            yield
        except CorruptBlob:
            self._forget(digest)
            raise
        self._rows.used(digest)

    def pin(self, digest: str, pinned: bool) -> None:
        """Keep a blob until it is unpinned, or not any longer. Raises UnknownBlob."""
        if pinned and (passing := self._passing.get(digest)) is not None:
            self.add(passing.data, passing.client)
        with self.database.transaction("pin a blob"):
            self.stat(digest)
            self._rows.pin(digest, pinned)

    def total(self, client: str | None = None) -> int:
        """Return the bytes that are stored, of one client or of all."""
        return self._rows.sums(client)[1]

    def count(self, client: str | None = None) -> int:
        """Return how many are stored, of one client or of all."""
        return self._rows.sums(client)[0]

    def _place(self, upload: Upload, more: int) -> None:
        """Give checked bytes their name; ``more`` is what that adds to all."""
        self.room.for_blob(more, upload)
        target = self._file(upload.digest)
        if not target.parent.is_dir():
            target.parent.mkdir(mode=0o700)
            sync_folder(self.folder)
        upload.file.replace(target)
        sync_folder(target.parent)

    def _known(self, digest: str, client: str) -> BlobStat:
        self._rows.note(digest, self._file(digest).stat().st_size, client)
        return self.stat(digest)

    def _forget(self, digest: str, where: str = "TRUE") -> bool:
        """Remove a blob that is still as ``where`` says; return whether it was."""
        with self._lock, disk("remove a blob"), self._rows.forgetting(digest, where) as was_there:
            if was_there:
                # Before the commit, for which a full disk may need this room.
                self._file(digest).unlink(missing_ok=True)
            return was_there

    def _file(self, digest: str) -> Path:
        return blob_file(self.folder, digest)
