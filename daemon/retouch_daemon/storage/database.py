"""One SQLite file: durable at every commit, safe for several threads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from retouch_daemon.storage.errors import StorageFailed

#: Milliseconds that a locked file is waited for.
_BUSY_MS: Final = 5_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS blobs (
    digest TEXT PRIMARY KEY, size INTEGER NOT NULL, client TEXT NOT NULL, used REAL NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, client TEXT NOT NULL,
    client_job_id TEXT NOT NULL, job_group TEXT NOT NULL, document TEXT NOT NULL,
    priority INTEGER NOT NULL, state TEXT NOT NULL, request BLOB NOT NULL, created REAL NOT NULL,
    deadline REAL, next_seq INTEGER NOT NULL DEFAULT 1,
    UNIQUE (client, client_job_id)
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state);
CREATE TABLE IF NOT EXISTS events (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, seq INTEGER NOT NULL,
    payload BLOB NOT NULL, PRIMARY KEY (job, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS used_blobs (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, digest TEXT NOT NULL,
    PRIMARY KEY (job, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS blobs_by_client ON blobs (client, size);
CREATE INDEX IF NOT EXISTS used_blobs_by_digest ON used_blobs (digest);
"""
#: Columns of jobs that were added since: an older daemon's table gets them, and goes on.
_ADDED: Final = {
    "pixels": "INTEGER NOT NULL DEFAULT 0",
    "paused": "INTEGER NOT NULL DEFAULT 0",
    "ended": "REAL",
}
#: What is counted at every submission is all in here.
_BY_CLIENT: Final = "CREATE INDEX IF NOT EXISTS jobs_by_client ON jobs (client, state, pixels)"
#: Raised by one whenever the tables change.
_VERSION: Final = 1


class Database:
    """The connection that all of the daemon's storage shares.

    Args:
        file: made with its folder, readable by its owner only.

    Raises:
        StorageFailed: it cannot be made or read, or a newer Retouch wrote it.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.RLock()
        with _said(f"open {file}"):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.touch(mode=0o600)
            self._connection = sqlite3.connect(
                file, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1000
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def transaction(self, what: str, *, lasting: bool = True) -> Iterator[sqlite3.Connection]:
        """Give the connection; all or nothing of what is done with it is on the disk afterwards.

        Args:
            what: is being done, for the error.
            lasting: whether the disk is waited for. Without, it outlives this process, and a power
                cut only once a later transaction lasts: they reach the disk in their order.

        Raises:
            StorageFailed: the disk refused; nothing was changed.
        """
        with self._lock, _said(what):
            if self._connection.in_transaction:  # part of a larger one
                yield self._connection
                return
            # FULL: a commit is on the disk before it is acknowledged, also in WAL mode.
            self._connection.execute(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _prepare(self) -> None:
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {setting}")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            problem = f"a newer Retouch wrote it (format {version})"
            raise StorageFailed(f"open {self.file}", problem)
        self._connection.executescript(_SCHEMA)
        columns = {row[1] for row in self._connection.execute("PRAGMA table_info(jobs)")}
        for name in _ADDED.keys() - columns:
            self._connection.execute(f"ALTER TABLE jobs ADD COLUMN {name} {_ADDED[name]}")
        self._connection.execute(_BY_CLIENT)
        self._connection.execute(f"PRAGMA user_version={_VERSION}")

    def close(self) -> None:
        """Close the file. Harmless twice."""
        with self._lock:
            self._connection.close()


@contextmanager
def _said(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as problem:
        raise StorageFailed(what, str(problem)) from problem
