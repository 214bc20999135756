"""How many jobs may wait, and how many are remembered: of one client, and of all."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from retouch_daemon.storage.errors import QuotaExceeded

_OPEN: Final = "state IN ('queued', 'running')"


@dataclass(frozen=True, slots=True)
class JobLimits:
    """How much work may be there.

    Attributes:
        per_client: jobs of one client that are not over.
        of_all: jobs of all clients that are not over.
        pixels_per_client: in the pictures of those jobs; a job of two variants counts its source
            twice.
        kept_per_client: jobs of one client altogether: the oldest that are over are forgotten.
        kept_of_all: jobs of all clients that are over, however many names there are: likewise, but
            looked at now and then.
    """

    per_client: int = 1000
    of_all: int = 10_000
    pixels_per_client: int = 4_000_000_000
    kept_per_client: int = 10_000
    kept_of_all: int = 100_000

    def check(self, connection: sqlite3.Connection, client: str, pixels: int) -> None:
        """Make sure that a client may have one job more, in the transaction that keeps it.

        Raises:
            QuotaExceeded: too many that are not over, or too large ones.
        """
        count, waiting = connection.execute(
            f"SELECT COUNT(*), COALESCE(SUM(pixels), 0) FROM jobs WHERE client = ? AND {_OPEN}",
            (client,),
        ).fetchone()
        (total,) = connection.execute(f"SELECT COUNT(*) FROM jobs WHERE {_OPEN}").fetchone()
        fix = "wait for some, or cancel some"
        if count >= self.per_client:
            raise QuotaExceeded("jobs", count + 1, self.per_client, fix)
        if total >= self.of_all:
            raise QuotaExceeded("jobs of all clients", total + 1, self.of_all, "try again later")
        # One job alone is never too large for this: what a picture may have is checked elsewhere.
        if count and waiting + pixels > self.pixels_per_client:
            raise QuotaExceeded("pixels", waiting + pixels, self.pixels_per_client, fix)

    def forget_oldest(self, connection: sqlite3.Connection, client: str) -> None:
        """Forget a client's oldest jobs that are over, where it has as many as are kept."""
        (count,) = connection.execute(
            "SELECT COUNT(*) FROM jobs WHERE client = ?", (client,)
        ).fetchone()
        if count >= self.kept_per_client:
            connection.execute(
                "DELETE FROM jobs WHERE number IN (SELECT number FROM jobs WHERE client = ? "
                f"AND NOT {_OPEN} ORDER BY number LIMIT ?)",
                (client, count - self.kept_per_client + 1),
            )
