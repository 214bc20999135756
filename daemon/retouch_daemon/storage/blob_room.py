"""Room for blobs: within the limits, and beside what else is on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from retouch_daemon.storage.blob_limits import BlobLimits
from retouch_daemon.storage.blob_rows import UNNEEDED, BlobRows
from retouch_daemon.storage.disk import free_bytes
from retouch_daemon.storage.errors import QuotaExceeded, StorageFailed
from retouch_daemon.storage.held import Held
from retouch_daemon.storage.uploads import Upload, Uploads


class BlobRoom:
    """Makes room where there is too little, or says what is too much.

    The longest unused goes first, and never what is pinned, held, or what a kept job refers to.
    All but :meth:`evict` is called under the lock of the store, which says what of the disk fails.

    Args:
        folder: where blobs are.
        limits: how much may be kept.
        rows: of what is stored.
        uploads: under way; their bytes count as if they were stored.
        held: what is kept for a while whatever else needs room.
        forget: removes a blob that a condition (SQL, of its row) still holds of; whether it did.

    Attributes:
        evictions, evicted_bytes: since the store was opened.
    """

    def __init__(
        self,
        folder: Path,
        limits: BlobLimits,
        rows: BlobRows,
        uploads: Uploads,
        held: Held,
        forget: Callable[[str, str], bool],
    ) -> None:
        self._folder, self.limits, self._rows = folder, limits, rows
        self._uploads, self._held, self._forget = uploads, held, forget
        self.evictions = self.evicted_bytes = 0

    def for_upload(self, size: int, client: str, but: Upload | None = None) -> None:
        """Make room for an upload.

        Args:
            size: bytes that it will have.
            client: whose it is.
            but: the same upload as it is now, if it was begun: its bytes do not count twice.

        Raises:
            QuotaExceeded, StorageFailed.
        """
        if size > self.limits.blob_bytes:
            fix = "send a smaller picture"
            raise QuotaExceeded("bytes of one blob", size, self.limits.blob_bytes, fix)
        self._make(self._uploads.bytes(client, but=but) + size, client)
        self._make(self._uploads.bytes(but=but) + size)
        if self._rows.sums(client)[0] >= self.limits.client_blobs and not self.evict(1, client):
            wanted, fix = self.limits.client_blobs + 1, "unpin or wait, or raise the limit"
            raise QuotaExceeded("blobs of one client", wanted, self.limits.client_blobs, fix)

    def on_disk(self, size: int) -> None:
        """Leave room on the disk for the journal. It is nobody's quota, and may be others' doing.

        Args:
            size: bytes that come.

        Raises:
            StorageFailed.
        """
        floor = self.limits.free_bytes
        missing = floor - free_bytes(self._folder) + size if floor else 0
        if missing > 0 and self.evict(missing) < missing:
            problem = f"less than {floor} bytes would be left"
            raise StorageFailed(f"keep {size} bytes more", problem)

    def for_blob(self, size: int, upload: Upload) -> None:
        """Make room for what a finished upload adds. Raises QuotaExceeded, StorageFailed."""
        self._make(size + self._uploads.bytes(but=upload))

    def evict(self, wanted: int, client: str | None = None) -> int:
        """Remove the longest unused; return the bytes freed.

        Args:
            wanted: bytes that are to be free; nothing is removed where there are not as many.
            client: whose; None: of all.

        Raises:
            StorageFailed.
        """
        rows, freed = [row for row in self._rows.unneeded(client) if row[0] not in self._held], 0
        if sum(size for _, size in rows) >= wanted:
            for digest, size in rows:
                if freed >= wanted:
                    break
                if self._forget(digest, UNNEEDED):
                    freed += size
                    self.evictions += 1
        self.evicted_bytes += freed
        return freed

    def _make(self, size: int, client: str | None = None) -> None:
        """Evict until there is room for so many bytes, of one client or of all."""
        limits = self.limits
        most = limits.total_bytes if client is None else limits.client_bytes
        over = self._rows.sums(client)[1] + size - most
        if over > 0 and self.evict(over, client) < over:
            what = "bytes of all clients" if client is None else "bytes of one client"
            raise QuotaExceeded(what, most + over, most, "unpin some, wait, or raise the limit")
