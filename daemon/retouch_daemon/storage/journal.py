"""Jobs and what happened to them: on the disk before anybody is told."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Final

from retouch_daemon.storage.database import Database
from retouch_daemon.storage.errors import UnknownBlob, UnknownJob
from retouch_daemon.storage.job_limits import JobLimits
from retouch_daemon.storage.job_records import (
    COLUMNS,
    OVER,
    JobRecord,
    NewJob,
    Service,
    State,
    record_of,
)

#: Numbers that a restart skips, so that those of unkept events (progress) are never given twice.
RESTART_GAP: Final = 1_000_000


class Journal:
    """The jobs of all clients, with the events that are kept.

    Every method is one transaction: it is on the disk when it returns, or nothing has changed; of
    those that a power cut may undo without harm that holds for the process's own end alone. All
    raise StorageFailed where the disk refuses.

    Args:
        database: where.
        limits: of clients, and of all.
    """

    def __init__(self, database: Database, limits: JobLimits | None = None) -> None:
        self.database = database
        self.limits = limits or JobLimits()

    def submit(self, job: NewJob) -> tuple[JobRecord, bool]:
        """Keep a job; return it and whether it is new.

        Raises:
            QuotaExceeded: too many are not over, or too large.
            UnknownBlob: one that it refers to is not stored, or not any longer.
        """
        with self.database.transaction("keep a job") as connection:
            known = self._find(connection, job)
            if known is not None:
                return known, False
            self.limits.check(connection, job.client, job.pixels)
            self.limits.forget_oldest(connection, job.client)
            job_id = secrets.token_hex(16)
            connection.execute(
                "INSERT INTO jobs (id, client, client_job_id, job_group, document, priority, "
                "state, request, created, deadline, pixels) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (job_id, job.client, job.client_job_id, job.group, job.document, job.priority,
                 State.QUEUED, job.request, time.time(), job.deadline, job.pixels),
            )  # fmt: skip
            _use(connection, job_id, job.blobs)
            return self._one(connection, job_id), True

    def job(self, job_id: str, client: str | None = None) -> JobRecord:
        """Return a job. Raises UnknownJob, also where it is not ``client``'s."""
        with self.database.transaction("read a job") as connection:
            found = self._one(connection, job_id)
        if client is not None and found.client != client:
            raise UnknownJob(job_id)
        return found

    def jobs(
        self,
        client: str | None = None,
        states: Iterable[State] = tuple(State),
        *,
        group: str | None = None,
        document: str | None = None,
    ) -> list[JobRecord]:
        """Return jobs in the order in which they came, of one client or of all."""
        wanted = list(states)
        where, values = [f"state IN ({', '.join('?' * len(wanted))})"], [str(s) for s in wanted]
        for column, value in (("client", client), ("job_group", group), ("document", document)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        asked = f"SELECT {COLUMNS} FROM jobs WHERE {' AND '.join(where)} ORDER BY number"
        with self.database.transaction("list jobs") as connection:
            return [record_of(row) for row in connection.execute(asked, values)]

    def begin(self, job_id: str) -> bytes:
        """Note that a worker begins a job; return its request.

        Raises:
            UnknownJob: also when it is not queued.
        """
        # What a power cut takes of this is a job that is queued again, as it is after any start.
        with self.database.transaction("begin a job", lasting=False) as connection:
            changed = connection.execute(
                "UPDATE jobs SET state = ? WHERE id = ? AND state = ?",
                (State.RUNNING, job_id, State.QUEUED),
            )
            if changed.rowcount == 0:
                raise UnknownJob(job_id)
            asked = "SELECT request FROM jobs WHERE id = ?"
            return bytes(connection.execute(asked, (job_id,)).fetchone()[0])

    def serve(self, job_id: str, service: Service) -> JobRecord | None:
        """Change how a job is served; return it, None where it is over. Raises UnknownJob."""
        with self.database.transaction("change a job") as connection:
            if self._one(connection, job_id).state in OVER:
                return None
            connection.execute(
                "UPDATE jobs SET priority = ?, paused = ?, job_group = ?, deadline = ? "
                "WHERE id = ?",
                (service.priority, service.paused, service.group, service.deadline, job_id),
            )
            return self._one(connection, job_id)

    def earlier(self, job_id: str) -> list[JobRecord]:
        """Jobs of the same client and group that came before a job and are not over, in order.

        None where it has no group. Raises UnknownJob.
        """
        with self.database.transaction("find a job's group") as connection:
            job = self._one(connection, job_id)
            if not job.group:
                return []
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM jobs WHERE client = ? AND job_group = ? "
                "AND state IN (?, ?) AND number < (SELECT number FROM jobs WHERE id = ?) "
                "ORDER BY number",
                (job.client, job.group, State.QUEUED, State.RUNNING, job_id),
            )
            return [record_of(row) for row in rows]

    def delete(self, job_id: str) -> bool:
        """Forget a job that is over, and free its blobs; return whether there was one."""
        marks = ", ".join("?" * len(OVER))
        # One that comes back after a power cut is forgotten with the others of its age.
        with self.database.transaction("forget a job", lasting=False) as connection:
            asked = f"DELETE FROM jobs WHERE id = ? AND state IN ({marks})"
            return connection.execute(asked, (job_id, *OVER)).rowcount > 0

    def again(self, job_id: str) -> None:
        """Put a job whose worker is gone back into the queue; nothing where it is not running."""
        # As for ``begin``; and its watchers are told by an event, whose commit takes this along.
        with self.database.transaction("queue a job again", lasting=False) as connection:
            connection.execute(
                "UPDATE jobs SET state = ? WHERE id = ? AND state = ?",
                (State.QUEUED, job_id, State.RUNNING),
            )

    def recover(self) -> list[JobRecord]:
        """After a start: queue what was running, and return all that waits, in order."""
        with self.database.transaction("recover jobs") as connection:
            connection.execute(
                "UPDATE jobs SET state = ? WHERE state = ?", (State.QUEUED, State.RUNNING)
            )
            connection.execute(
                "UPDATE jobs SET next_seq = (next_seq / :gap + 1) * :gap WHERE state = :queued",
                {"gap": RESTART_GAP, "queued": State.QUEUED},
            )
            return self.jobs(states=(State.QUEUED,))

    def keep(
        self,
        job_id: str,
        payload: bytes,
        *,
        seq: int,
        blobs: Sequence[str] = (),
        state: State | None = None,
        lasting: bool = True,
    ) -> bool:
        """Keep an event, the blobs that it names, and the state that it brings.

        Args:
            job_id: of the job.
            payload: the message, serialised.
            seq: its number within the job, above those of all events before.
            blobs: digests that the event refers to: they stay while the job does.
            state: the job's state from now on; None leaves it.
            lasting: whether the disk is waited for. Without, a power cut may take it: for what is
                told anew when the job begins again.

        Returns:
            False, and nothing is kept, where the job is over already.

        Raises:
            UnknownJob. UnknownBlob: one that it names is not stored, or not any longer.
        """
        with self.database.transaction("keep an event", lasting=lasting) as connection:
            if self._one(connection, job_id).state in OVER:
                return False
            connection.execute(
                "INSERT INTO events (job, seq, payload) VALUES (?, ?, ?)", (job_id, seq, payload)
            )
            connection.execute(
                "UPDATE jobs SET next_seq = MAX(next_seq, ?), state = COALESCE(?, state), "
                "ended = ? WHERE id = ?",
                (seq + 1, state, time.time() if state in OVER else None, job_id),
            )
            _use(connection, job_id, blobs)
            return True

    def events(self, job_id: str, from_seq: int = 1) -> list[bytes]:
        """Return the kept events from a number on, in order. Raises UnknownJob."""
        with self.database.transaction("read events") as connection:
            self._one(connection, job_id)
            rows = connection.execute(
                "SELECT payload FROM events WHERE job = ? AND seq >= ? ORDER BY seq",
                (job_id, from_seq),
            ).fetchall()
        return [row[0] for row in rows]

    def next_seq(self, job_id: str) -> int:
        """Return the number that the job's next event would get. Raises UnknownJob."""
        with self.database.transaction("read a job") as connection:
            row = connection.execute("SELECT next_seq FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise UnknownJob(job_id)
        return int(row[0])

    def forget(self, before: float) -> int:
        """Delete jobs that were over before a time, and the oldest of too many; return how many.

        Frees their blobs.
        """
        over = f"state IN ({', '.join('?' * len(OVER))})"
        with self.database.transaction("forget old jobs") as connection:
            old = connection.execute(
                f"DELETE FROM jobs WHERE {over} AND COALESCE(ended, created) < ?", (*OVER, before)
            )
            more = connection.execute(
                f"DELETE FROM jobs WHERE number IN (SELECT number FROM jobs WHERE {over} "
                "ORDER BY number DESC LIMIT -1 OFFSET ?)",
                (*OVER, self.limits.kept_of_all),
            )
            return old.rowcount + more.rowcount

    def _find(self, connection: sqlite3.Connection, job: NewJob) -> JobRecord | None:
        row = connection.execute(
            f"SELECT {COLUMNS} FROM jobs WHERE client = ? AND client_job_id = ?",
            (job.client, job.client_job_id),
        ).fetchone()
        return None if row is None else record_of(row)

    def _one(self, connection: sqlite3.Connection, job_id: str) -> JobRecord:
        row = connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise UnknownJob(job_id)
        return record_of(row)


def _use(connection: sqlite3.Connection, job_id: str, digests: Iterable[str]) -> None:
    """Keep blobs while the job is. In its transaction none can be evicted: see BlobStore."""
    for digest in digests:
        stored = connection.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).fetchone()
        if stored is None:
            raise UnknownBlob(digest)
        connection.execute(
            "INSERT OR IGNORE INTO used_blobs (job, digest) VALUES (?, ?)", (job_id, digest)
        )
