"""How many jobs may wait and how large they may be: checked where a job is kept."""

import sqlite3

import pytest

from retouch_daemon.storage.database import Database
from retouch_daemon.storage.errors import QuotaExceeded
from retouch_daemon.storage.job_limits import JobLimits
from retouch_daemon.storage.job_records import NewJob, State
from retouch_daemon.storage.journal import Journal


@pytest.fixture
def limited(journal):
    """A journal with limits."""
    return lambda **limits: Journal(journal.database, JobLimits(**limits))


def job(name, client="host", pixels=0):
    return NewJob(client, str(name), b"", pixels=pixels)


def test_pixels_of_jobs_that_are_not_over_are_limited(limited):
    journal = limited(pixels_per_client=100)
    first, _ = journal.submit(job(1, pixels=60))
    with pytest.raises(QuotaExceeded, match="quota of pixels: got 110; allowed: 100"):
        journal.submit(job(2, pixels=50))
    journal.submit(job(2, pixels=40))
    journal.submit(job(1, "other", pixels=60))
    assert journal.submit(job(1, pixels=60)) == (first, False), "it is there already"
    journal.keep(first.job_id, b"", seq=1, state=State.DONE)
    journal.submit(job(3, pixels=60))
    assert journal.job(first.job_id).pixels == 60


def test_one_job_alone_is_never_too_large(limited):
    journal = limited(pixels_per_client=100)
    journal.submit(job(1, pixels=5000))
    with pytest.raises(QuotaExceeded):
        journal.submit(job(2, pixels=1))


def test_all_clients_together_are_limited_too(limited):
    journal = limited(of_all=2)
    for client in ("a", "b"):
        journal.submit(job(1, client))
    with pytest.raises(QuotaExceeded, match="jobs of all clients") as caught:
        journal.submit(job(1, "c"))
    assert caught.value.retry_seconds > 0


def test_of_a_client_that_keeps_submitting_only_the_newest_are_remembered(limited):
    journal = limited(kept_per_client=3)
    waiting, _ = journal.submit(job("waiting"))
    journal.submit(job(0, "other"))
    for number in range(6):
        each, _ = journal.submit(job(number))
        journal.keep(each.job_id, b"", seq=1, state=State.DONE)
    kept = [each.client_job_id for each in journal.jobs("host")]
    assert kept == ["waiting", "4", "5"]
    assert journal.job(waiting.job_id).state == State.QUEUED
    assert len(journal.jobs("other")) == 1


def test_a_journal_of_before_goes_on(tmp_path):
    file = tmp_path / "journal.sqlite"
    old = sqlite3.connect(file)
    old.executescript(
        "CREATE TABLE jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, "
        "client TEXT NOT NULL, client_job_id TEXT NOT NULL, job_group TEXT NOT NULL, "
        "document TEXT NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL, "
        "request BLOB NOT NULL, created REAL NOT NULL, deadline REAL, "
        "next_seq INTEGER NOT NULL DEFAULT 1, UNIQUE (client, client_job_id));"
        "INSERT INTO jobs (id, client, client_job_id, job_group, document, priority, state, "
        "request, created) VALUES ('a', 'host', '1', '', '', 1, 'queued', x'00', 5.0);"
    )
    old.close()
    for _ in range(2):
        database = Database(file)
        (found,) = Journal(database).recover()
        assert (found.job_id, found.pixels) == ("a", 0)
        database.close()
