"""Jobs whose results the disk refuses: tried again, more and more rarely, until it does not."""

import asyncio

import pytest

from retouch.v1 import job_pb2
from retouch_daemon.front import returning_jobs
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.returning_jobs import ReturningJobs
from retouch_daemon.storage.errors import StorageFailed
from retouch_daemon.storage.job_records import State


class Queue:
    def __init__(self, journal):
        self.put, self.over = [], []
        self.returning = ReturningJobs(
            journal, EventFeed(journal), self.put.append, self.over.append
        )


@pytest.fixture
def queue(journal):
    return Queue(journal)


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets."""
    now = [100.0]
    monkeypatch.setattr(returning_jobs.time, "monotonic", lambda: now[0])
    return now


def warnings(journal, job_id):
    events = map(job_pb2.JobEvent.FromString, journal.events(job_id))
    return sum(event.HasField("warning") for event in events)


def test_pauses_grow_to_a_minute_and_begin_anew_for_another_job(queue, journal, job_id, clock):
    job = journal.job(job_id)
    pauses = []

    async def scenario():
        for _ in range(10):
            queue.returning.later(job)
            due = next(iter(queue.returning._jobs.values())).due
            pauses.append(due - clock[0])
            clock[0] = due - 0.01
            await queue.returning.retry()
            assert queue.returning.jobs == [job], "not yet"
            clock[0] = due
            await queue.returning.retry()
            assert queue.put.pop() == job and queue.returning.jobs == []
        queue.returning.over(job_id)
        queue.returning.later(job)

    asyncio.run(scenario())
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert next(iter(queue.returning._jobs.values())).due - clock[0] == 0.5
    assert warnings(journal, job_id) == 10


def test_what_the_disk_refuses_again_stays(queue, journal, job_id, clock, monkeypatch):
    job = journal.job(job_id)

    def refused(*given):
        raise StorageFailed("queue a job again", "full")

    async def scenario():
        with monkeypatch.context() as full:
            full.setattr(journal, "again", refused)
            await queue.returning.now(job)
            assert queue.returning.jobs == [job] and not queue.put
        clock[0] += 1
        await queue.returning.retry()

    asyncio.run(scenario())
    assert queue.put == [job]


def test_what_leaves_is_cancelled_when_the_disk_lets_it(queue, journal, job_id, clock):
    async def scenario():
        queue.returning.later(journal.job(job_id), "asked")
        clock[0] += 1
        await queue.returning.retry()

    asyncio.run(scenario())
    assert queue.over == [job_id] and not queue.put
    assert journal.job(job_id).state is State.CANCELLED


def test_what_is_over_does_not_come_back(queue, journal, job_id):
    job = journal.job(job_id)
    journal.keep(job_id, b"", seq=1, state=State.DONE)
    asyncio.run(queue.returning.now(job))
    assert queue.over == [job_id] and not queue.put and queue.returning.jobs == []
