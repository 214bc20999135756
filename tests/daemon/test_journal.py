"""Jobs and their events: kept once, in order, each client's apart from the others'."""

import hashlib
import threading

import pytest

from retouch_daemon.storage.blob_store import BlobLimits, BlobStore
from retouch_daemon.storage.errors import QuotaExceeded, StorageFailed, UnknownBlob, UnknownJob
from retouch_daemon.storage.job_limits import JobLimits
from retouch_daemon.storage.job_records import OVER, NewJob, Service, State
from retouch_daemon.storage.journal import RESTART_GAP, Journal


@pytest.fixture
def journal(database):
    return Journal(database, JobLimits(per_client=3))


def new(name="1", client="host", **fields):
    return NewJob(client, name, b"request", **fields)


def submitted(journal, *given, **fields):
    job, _ = journal.submit(new(*given, **fields))
    return job.job_id


def rows(database, table):
    with database.transaction("count") as connection:
        return connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


def test_all_of_a_job_is_kept(journal):
    given = new(group="g", document="d", priority=2, deadline=12.5)
    job, is_new = journal.submit(given)
    assert is_new
    assert journal.job(job.job_id) == job
    assert (job.client, job.client_job_id, job.group, job.document) == ("host", "1", "g", "d")
    assert (job.priority, job.state) == (2, State.QUEUED)
    assert journal.begin(job.job_id) == b"request"
    assert job.deadline == 12.5
    assert isinstance(job.state, State)


def test_the_same_name_is_the_same_job_for_its_client_only(journal):
    first, _ = journal.submit(new())
    again, is_new = journal.submit(NewJob("host", "1", b"other"))
    assert (again, is_new) == (first, False)
    other, is_new = journal.submit(new(client="another"))
    assert is_new
    assert other.job_id != first.job_id
    with pytest.raises(UnknownJob):
        journal.job(first.job_id, "another")
    assert journal.job(first.job_id, "host") == first


def test_the_same_name_at_once_from_several_threads_is_one_job(journal, database):
    gate, found = threading.Barrier(5), []

    def submit():
        gate.wait()
        found.append(journal.submit(new()))

    threads = [threading.Thread(target=submit, daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(is_new for _, is_new in found) == [False] * 4 + [True]
    assert len({job.job_id for job, _ in found}) == 1
    assert rows(database, "jobs") == 1


def test_a_client_has_only_so_many_jobs_that_are_not_over(journal):
    first, *_ = (submitted(journal, name) for name in "123")
    with pytest.raises(QuotaExceeded) as caught:
        journal.submit(new("4"))
    assert (caught.value.value, caught.value.allowed) == (4, 3)
    assert journal.submit(new("3"))[1] is False, "a known one is no further one"
    assert submitted(journal, client="another")
    journal.keep(first, b"", seq=1, state=State.DONE)
    assert submitted(journal, "4")


def test_jobs_are_listed_in_the_order_in_which_they_came(journal):
    ids = [
        submitted(journal, "1", group="g"),
        submitted(journal, "2", document="d", priority=0),
        submitted(journal, "1", "another", group="g", document="d"),
    ]

    def listed(*given, **asked):
        return [ids.index(job.job_id) for job in journal.jobs(*given, **asked)]

    journal.begin(ids[1])
    assert listed() == [0, 1, 2]
    assert listed("host") == [0, 1]
    assert listed(group="g") == [0, 2]
    assert listed(document="d") == [1, 2]
    assert listed("another", document="d", group="g") == [2]
    assert listed("host", (State.RUNNING,)) == [1]
    assert listed(states=()) == []
    assert listed("' OR 1=1 --") == []


def test_a_job_is_begun_once_and_again_after_its_worker(journal):
    job_id = submitted(journal)
    assert journal.begin(job_id) == b"request"
    assert journal.job(job_id).state is State.RUNNING
    with pytest.raises(UnknownJob):
        journal.begin(job_id)
    journal.again(job_id)
    assert journal.begin(job_id) == b"request"
    assert journal.job(job_id).state is State.RUNNING


@pytest.mark.parametrize("state", OVER)
def test_what_is_over_stays_over(journal, state):
    job_id = submitted(journal)
    assert journal.keep(job_id, b"end", seq=1, state=state)
    journal.again(job_id)
    assert journal.recover() == []
    with pytest.raises(UnknownJob):
        journal.begin(job_id)
    assert not journal.keep(job_id, b"late", seq=2, state=State.DONE)
    assert journal.job(job_id).state is state
    assert journal.events(job_id) == [b"end"]


def test_events_are_read_from_any_number_on(journal):
    job_id = submitted(journal)
    for seq in (2, 5, 9):
        assert journal.keep(job_id, b"%d" % seq, seq=seq)
    assert journal.events(job_id) == [b"2", b"5", b"9"]
    assert journal.events(job_id, 5) == [b"5", b"9"]
    assert journal.events(job_id, 6) == [b"9"]
    assert journal.events(job_id, 10) == []
    assert journal.next_seq(job_id) == 10
    assert journal.job(job_id).state is State.QUEUED, "an event without a state leaves it"


def test_a_number_that_was_given_is_refused_and_changes_nothing(journal):
    job_id = submitted(journal)
    journal.keep(job_id, b"first", seq=1)
    with pytest.raises(StorageFailed):
        journal.keep(job_id, b"second", seq=1, state=State.DONE)
    assert journal.events(job_id) == [b"first"]
    assert journal.job(job_id).state is State.QUEUED


def test_nothing_is_known_of_no_job(journal):
    calls = (
        lambda: journal.job("none"),
        lambda: journal.begin("none"),
        lambda: journal.keep("none", b"", seq=1),
        lambda: journal.events("none"),
        lambda: journal.next_seq("none"),
    )
    for call in calls:
        with pytest.raises(UnknownJob, match="none"):
            call()
    journal.again("none")


def test_recovery_queues_what_ran_and_skips_numbers(journal):
    running, waiting, over = (submitted(journal, name) for name in "123")
    journal.begin(running)
    journal.keep(running, b"x", seq=4)
    journal.keep(over, b"end", seq=7, state=State.DONE)
    assert [job.job_id for job in journal.recover()] == [running, waiting]
    assert journal.job(running).state is State.QUEUED
    assert journal.next_seq(running) == journal.next_seq(waiting) == RESTART_GAP
    assert journal.next_seq(over) == 8
    journal.recover()
    assert journal.next_seq(running) == 2 * RESTART_GAP


def test_what_is_forgotten_leaves_nothing_and_frees_its_blobs(journal, database, tmp_path):
    store = BlobStore(tmp_path / "blobs", database, BlobLimits())
    asked, given = (store.add(data, "host").digest for data in (b"asked", b"given"))
    job_id = submitted(journal, blobs=(asked, asked))
    journal.keep(job_id, b"result", seq=1, blobs=(given, asked))
    job = journal.job(job_id)
    assert journal.forget(job.created + 1) == 0, "it is not over"
    journal.keep(job_id, b"end", seq=2, state=State.DONE)
    assert journal.forget(job.created) == 0, "it is not older"
    assert store.room.evict(1) == 0
    assert journal.forget(job.created + 1) == 1
    assert [rows(database, table) for table in ("jobs", "events", "used_blobs")] == [0, 0, 0]
    assert store.room.evict(10) == 10
    assert journal.submit(new())[1], "its name is free again"


def test_clients_with_ever_new_names_are_forgotten_in_the_end(database):
    """Each of them may have ten thousand jobs remembered, and there may be any number of names."""
    journal = Journal(database, JobLimits(kept_of_all=2))
    jobs = [submitted(journal, "1", f"client-{number}") for number in range(5)]
    for job_id in jobs[1:]:
        journal.keep(job_id, b"end", seq=1, state=State.DONE)
    assert journal.forget(0.0) == 2
    assert [job.job_id for job in journal.jobs()] == [jobs[0], *jobs[3:]]
    assert journal.forget(0.0) == 0


def test_a_job_whose_blob_was_evicted_meanwhile_is_not_kept(journal, database, tmp_path):
    """Between the look at its blobs and the row that keeps them there is time to evict them."""
    store = BlobStore(tmp_path / "blobs", database, BlobLimits())
    first, second = (store.add(data, "host").digest for data in (b"first", b"second"))
    assert store.missing([first, second]) == {}
    store.room.evict(1)
    with pytest.raises(UnknownBlob, match=first):
        journal.submit(new(blobs=(second, first)))
    assert rows(database, "jobs") == rows(database, "used_blobs") == 0


def test_an_event_whose_blob_is_not_stored_is_not_kept(journal, database):
    job_id = submitted(journal)
    absent = hashlib.sha256(b"").hexdigest()
    with pytest.raises(UnknownBlob):
        journal.keep(job_id, b"result", seq=1, blobs=(absent,), state=State.DONE)
    assert journal.events(job_id) == []
    assert journal.job(job_id).state is State.QUEUED
    assert journal.next_seq(job_id) == 1


def test_how_a_job_is_served_can_be_changed_until_it_is_over(journal):
    job_id = submitted(journal)
    changed = journal.serve(job_id, Service(2, True, "g", 9.5))
    assert (changed.priority, changed.paused, changed.group, changed.deadline) == (
        2,
        True,
        "g",
        9.5,
    )
    assert journal.job(job_id) == changed
    assert journal.recover()[0].paused, "also after a restart"
    journal.keep(job_id, b"end", seq=10**7, state=State.DONE)
    assert journal.serve(job_id, Service(0, False, "", None)) is None
    assert journal.job(job_id).priority == 2
    with pytest.raises(UnknownJob):
        journal.serve("absent", Service(0, False, "", None))


def test_a_job_is_forgotten_by_its_end_and_not_by_its_beginning(journal, database):
    job_id = submitted(journal)
    journal.keep(job_id, b"end", seq=1, state=State.DONE)
    with database.transaction("age it") as connection:
        connection.execute("UPDATE jobs SET created = created - 1000")
    assert journal.forget(journal.job(job_id).created + 500) == 0
    assert journal.forget(journal.job(job_id).created + 2000) == 1


def test_the_earlier_jobs_of_a_group_are_those_of_the_same_client_that_are_not_over(journal):
    first, over = (submitted(journal, name, group="g") for name in "ab")
    journal.keep(over, b"end", seq=1, state=State.DONE)
    submitted(journal, "c", client="another", group="g")
    newest = submitted(journal, "d", group="g")
    assert [job.job_id for job in journal.earlier(newest)] == [first]
    assert journal.earlier(first) == []


def test_a_job_without_a_group_replaces_none(journal):
    submitted(journal, "a")
    assert journal.earlier(submitted(journal, "b")) == []


def test_only_what_is_over_can_be_deleted(journal):
    job_id = submitted(journal)
    assert not journal.delete(job_id)
    journal.keep(job_id, b"end", seq=1, state=State.CANCELLED)
    assert journal.delete(job_id) and not journal.delete(job_id)
    with pytest.raises(UnknownJob):
        journal.job(job_id)
