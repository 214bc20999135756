"""Jobs that are over and forgotten while the queue still goes through them."""

import asyncio

import pytest

from retouch.v1 import job_pb2
from retouch_daemon.front.dispatcher import Dispatcher
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.worker_options import WorkerOptions
from retouch_daemon.storage.journal import NewJob, State


@pytest.fixture
def queue(journal, tmp_path):
    feed = EventFeed(journal)
    return feed, Dispatcher(journal, None, feed, WorkerOptions(tmp_path))


async def forgotten(journal, feed, job):
    """End a job behind the queue's back, as a live session does with a frame that was replaced."""
    event = job_pb2.JobEvent(cancelled=job_pb2.Cancelled(reason="replaced"))
    assert await feed.publish(job.job_id, event, state=State.CANCELLED)
    assert journal.delete(job.job_id)


def test_a_forgotten_job_is_no_fault_of_the_next_one(queue, journal):
    """Its name was told to whoever submitted next, whose job was kept all the same."""
    feed, dispatcher = queue

    async def run():
        first, _ = await dispatcher.submit(NewJob("painter", "1", b""))
        await forgotten(journal, feed, first)
        second, is_new = await dispatcher.submit(NewJob("host", "2", b""))
        return second, is_new, [event async for event in told(feed, second)]

    second, is_new, events = asyncio.run(run())
    assert is_new and second.state is State.QUEUED
    assert [event.WhichOneof("event") for event in events] == ["queued"]


def test_a_forgotten_job_is_not_begun_again_for_ever(queue, journal):
    feed, dispatcher = queue

    async def run():
        job, _ = await dispatcher.submit(NewJob("painter", "1", b""))
        await forgotten(journal, feed, job)
        dispatcher.stall(job)
        await dispatcher._retry_stalled()
        return dispatcher.waiting

    assert asyncio.run(run()) == []


async def told(feed, job):
    """What a watcher is told at once."""
    async with asyncio.timeout(5):
        async for event in feed.watch(job.job_id, 0):
            yield event
            return
