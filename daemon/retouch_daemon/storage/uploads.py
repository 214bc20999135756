"""Uploads under way: files of their own, whose senders are remembered until they are done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from retouch_daemon.storage.disk import size_of
from retouch_daemon.storage.reading import checked_digest

#: Seconds after which an upload that does not go on is dropped.
ABANDONED: Final = 86_400.0


class Uploads:
    """What has come of blobs that are not whole yet. Used under the lock of the store.

    Args:
        folder: made if missing, readable by its owner only.
        most: uploads of one client: of more, the one that began first is dropped.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._senders: dict[str, str] = {}  # digest -> client, in the order of their beginning
        folder.mkdir(exist_ok=True, mode=0o700)
        self.drop_abandoned()

    def file(self, digest: str) -> Path:
        """Return where an upload lies. Raises ValueError for what is no digest."""
        return self._folder / checked_digest(digest)

    def size(self, digest: str) -> int:
        """Return the bytes that are there; 0 where there is no upload."""
        return size_of(self.file(digest))

    def others(self, digest: str, client: str) -> int:
        """Return the bytes of a client's other uploads."""
        return sum(
            self.size(other)
            for other, sender in self._senders.items()
            if sender == client and other != digest
        )

    def all_but(self, digest: str) -> int:
        """Return the bytes of all uploads but one, also of those that an earlier daemon began."""
        return sum(size_of(file) for file in self._folder.iterdir() if file.name != digest)

    def begin(self, digest: str, client: str) -> None:
        """Remember who sends an upload; make room among the client's own."""
        if digest not in self._senders:
            mine = [other for other, sender in self._senders.items() if sender == client]
            for other in mine[: max(0, len(mine) + 1 - self._most)]:
                self.file(other).unlink(missing_ok=True)
                del self._senders[other]
        self._senders[digest] = client

    def end(self, digest: str) -> None:
        """Forget who sent an upload. Harmless twice."""
        self._senders.pop(digest, None)

    def drop_abandoned(self) -> None:
        """Remove what has not gone on for long."""
        before = time.time() - ABANDONED
        for upload in self._folder.iterdir():
            if upload.stat().st_mtime < before:
                upload.unlink()
                self.end(upload.name)
