"""After a crash: what the database says and what the disk has are made the same."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from retouch_daemon.storage.database import Database

_DIGESTS: Final = "[0-9a-f]" * 64


def match_disk(folder: Path, database: Database) -> None:
    """Count blobs that no row knows, forget rows that have no file. Raises StorageFailed."""
    files = {file.name: file.stat() for file in folder.glob(f"??/{_DIGESTS}")}
    with database.transaction("count blobs") as connection:
        known = {row[0] for row in connection.execute("SELECT digest FROM blobs")}
        connection.executemany(
            "DELETE FROM blobs WHERE digest = ?", [(each,) for each in known - files.keys()]
        )
        connection.executemany(
            "INSERT INTO blobs (digest, size, client, used) VALUES (?, ?, '', ?)",
            [(name, files[name].st_size, files[name].st_mtime) for name in files.keys() - known],
        )
