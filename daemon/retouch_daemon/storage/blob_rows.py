"""What the database knows of blobs: sizes, owners, pins, and when each was used last."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from retouch_daemon.storage.database import Database
from retouch_daemon.storage.errors import StorageFailed

#: Uses are noted together: so many, or after so many seconds, and before anything is evicted.
_TOGETHER: Final = 256
_NOTED_EVERY: Final = 5.0
#: Of a blob that may be evicted.
UNNEEDED: Final = "NOT pinned AND digest NOT IN (SELECT digest FROM used_blobs)"


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


class BlobRows:
    """One row for each blob. Every method is at most one transaction, and raises StorageFailed.

    Args:
        database: where.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._uses: dict[str, float] = {}
        self._noted = 0.0
        self._lock = threading.Lock()

    def known(self, digest: str) -> BlobStat | None:
        """Return what is known of a blob; None where it has no row."""
        asked = "SELECT size, pinned FROM blobs WHERE digest = ?"
        with self._database.transaction("read what is known of a blob") as connection:
            row = connection.execute(asked, (digest,)).fetchone()
        return None if row is None else BlobStat(digest, int(row[0]), bool(row[1]))

    def note(self, digest: str, size: int, client: str) -> None:
        """Note that a blob is stored; it stays whose it was."""
        # A power cut may take this: the file is on the disk, and is counted again at the next
        # start. What refers to it comes later, and takes this along.
        with self._database.transaction("note a blob", lasting=False) as connection:
            connection.execute(
                "INSERT INTO blobs (digest, size, client, used) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (digest) DO UPDATE SET used = excluded.used, size = excluded.size",
                (digest, size, client, time.time()),
            )

    def used(self, digest: str) -> None:
        """Note that a blob was used."""
        with self._lock:
            self._uses[digest] = time.time()
            due = time.monotonic() - self._noted > _NOTED_EVERY or len(self._uses) >= _TOGETHER
        if due:
            self._note_uses()

    def _note_uses(self) -> None:
        with self._lock:
            uses, self._uses, self._noted = self._uses, {}, time.monotonic()
        what, noted = "note that blobs were used", "UPDATE blobs SET used = ?2 WHERE digest = ?1"
        # What ends this process may take them, and so may a full disk, on which blobs can still be
        # read: they only say which goes first.
        with suppress(StorageFailed), self._database.transaction(what, lasting=False) as connection:
            connection.executemany(noted, uses.items())

    def pin(self, digest: str, pinned: bool) -> None:
        """Note whether a blob is to stay."""
        with self._database.transaction("pin a blob") as connection:
            connection.execute(
                "UPDATE blobs SET pinned = ? WHERE digest = ?", (int(pinned), digest)
            )

    def unneeded(self, client: str | None) -> list[tuple[str, int]]:
        """Return digest and size of what may be evicted, the longest unused first."""
        self._note_uses()
        with self._database.transaction("find blobs that nobody needs") as connection:
            return connection.execute(
                f"SELECT digest, size FROM blobs WHERE {UNNEEDED} "
                "AND (?1 IS NULL OR client = ?1) ORDER BY used",
                (client,),
            ).fetchall()

    def sums(self, client: str | None) -> tuple[int, int]:
        """Return how many blobs one client has, or all have, and how many bytes."""
        asked = "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM blobs"
        where, values = ("", ()) if client is None else (" WHERE client = ?", (client,))
        with self._database.transaction("add up blobs") as connection:
            count, size = connection.execute(asked + where, values).fetchone()
        return int(count), int(size)

    @contextmanager
    def forgetting(self, digest: str, where: str = "TRUE") -> Iterator[bool]:
        """Remove a row that is as ``where`` says; gives whether there was one.

        It is gone for good when the block ends without an error.
        """
        asked = f"DELETE FROM blobs WHERE digest = ? AND {where}"
        with self._database.transaction("forget a blob") as connection:
            yield connection.execute(asked, (digest,)).rowcount > 0
