"""The file under everything: what was acknowledged survives a kill, what was not leaves nothing."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from retouch_daemon.storage.blob_store import BlobLimits, BlobStore
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.errors import StorageFailed
from retouch_daemon.storage.job_records import State
from retouch_daemon.storage.journal import Journal

WRITER = """
import sys
from pathlib import Path
from retouch_daemon.storage.blob_store import BlobLimits, BlobStore
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.job_limits import JobLimits
from retouch_daemon.storage.job_records import NewJob, State
from retouch_daemon.storage.journal import Journal

folder = Path(sys.argv[1])
database = Database(folder / "journal.sqlite")
journal = Journal(database, JobLimits(10**6, 10**6, kept_per_client=10**6))
store = BlobStore(folder / "blobs", database, BlobLimits(client_blobs=10**6))

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

for number in range(10**6):
    digest = store.add(b"%d" % number, "host").digest
    say("blob", digest, number)
    job, _ = journal.submit(NewJob("host", str(number), b"", blobs=(digest,)))
    say("job", job.job_id, digest)
    journal.begin(job.job_id)
    journal.keep(job.job_id, b"first", seq=1)
    say("event", job.job_id, "first")
    journal.keep(job.job_id, b"end", seq=2, state=State.DONE)
    say("end", job.job_id, "end")
"""


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


def count(database):
    with database.transaction("count") as connection:
        return connection.execute("SELECT COUNT(*) FROM blobs").fetchone()[0]


def insert(connection, name):
    connection.execute("INSERT INTO blobs VALUES (?, 1, 'host', 0, 0)", (name,))


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("lines", [1, 6, 23])
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path, lines):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    said = [writer.stdout.readline() for _ in range(lines)]
    writer.send_signal(signal.SIGKILL)
    said += [line for line in writer.stdout.read().splitlines(True) if line.endswith("\n")]
    writer.stdout.close()
    assert writer.wait(30) == -signal.SIGKILL
    database = Database(tmp_path / "journal.sqlite")
    journal = Journal(database)
    store = BlobStore(tmp_path / "blobs", database, BlobLimits())
    kinds = set()
    for kind, name, detail in map(str.split, said):
        kinds.add(kind)
        if kind == "blob":
            assert store.read(name) == detail.encode()
        elif kind == "job":
            assert journal.job(name).client == "host"
            assert store.has(detail)
        elif kind == "event":
            assert journal.events(name)[0] == detail.encode()
        else:
            assert journal.job(name).state is State.DONE
            assert journal.events(name) == [b"first", b"end"]
    assert len(said) >= lines
    assert kinds == {"blob", "job", "event", "end"} or len(said) < 4
    for job in journal.jobs():
        assert (job.state is State.DONE) == (b"end" in journal.events(job.job_id))
    assert store.missing(file.name for file in store.folder.glob("??/*")) == {}
    database.close()


def test_all_or_nothing(database):
    with pytest.raises(ZeroDivisionError), database.transaction("try") as connection:
        insert(connection, "a")
        raise ZeroDivisionError
    assert count(database) == 0
    refused = pytest.raises(StorageFailed, match="cannot try: UNIQUE")
    with refused, database.transaction("try") as connection:
        insert(connection, "a")
        insert(connection, "a")
    assert count(database) == 0
    with database.transaction("try") as connection:
        insert(connection, "a")
    assert count(database) == 1


def test_a_part_of_a_larger_transaction_ends_with_it(database):
    with pytest.raises(ZeroDivisionError), database.transaction("outer"):
        with database.transaction("inner") as connection:
            insert(connection, "a")
        raise ZeroDivisionError
    assert count(database) == 0


def test_threads_take_turns(database):
    seen, problems = [], []

    def add(number):
        try:
            for _ in range(10):
                with database.transaction("add") as connection:
                    before = count(database)
                    insert(connection, f"{number} {time.monotonic_ns()} {before}")
                    seen.append(before)
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=add, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "blocked for ever"
    assert problems == []
    assert seen == list(range(40)), "nobody sees half of another's work"


def test_it_is_open_to_its_owner_only(tmp_path):
    if os.name != "posix":
        pytest.skip("modes are POSIX")
    previous = os.umask(0)
    try:
        database = Database(tmp_path / "new" / "journal.sqlite")
        with database.transaction("write") as connection:
            insert(connection, "a")
    finally:
        os.umask(previous)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    files = list((tmp_path / "new").iterdir())
    assert len(files) == 3, "the log and its index, too"
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    database.close()


def test_commits_are_synced(database):
    with database.transaction("look") as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
    assert found == ["wal", 2, 1]


def test_what_a_power_cut_may_undo_is_not_synced_and_the_next_one_is(database):
    def synchronous(**given):
        with database.transaction("look", **given) as connection:
            return connection.execute("PRAGMA synchronous").fetchone()[0]

    assert [synchronous(lasting=False), synchronous(), synchronous(lasting=True)] == [1, 2, 2]


def test_a_newer_file_is_left_alone(tmp_path):
    file = tmp_path / "journal.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StorageFailed, match="newer Retouch"):
        Database(file)
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()


def test_a_damaged_file_is_said_and_not_touched(tmp_path):
    file = tmp_path / "journal.sqlite"
    file.write_bytes(hashlib.sha512(b"noise").digest() * 100)
    before = file.read_bytes()
    with pytest.raises(StorageFailed, match="not a database"):
        Database(file)
    assert file.read_bytes() == before


def test_a_closed_one_fails_in_words(database):
    database.close()
    database.close()
    with pytest.raises(StorageFailed, match="read it"), database.transaction("read it"):
        pytest.fail("nothing can be done with it")
