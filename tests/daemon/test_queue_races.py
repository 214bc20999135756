"""Jobs that are over, changed or cancelled while the queue still goes through them."""

import asyncio

import pytest

from retouch.v1 import errors_pb2, job_pb2
from retouch_daemon.front import returning_jobs
from retouch_daemon.front.dispatcher import Dispatcher
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.running import Running
from retouch_daemon.front.worker_options import WorkerOptions
from retouch_daemon.link.frames import Frame
from retouch_daemon.storage.errors import QuotaExceeded
from retouch_daemon.storage.job_records import NewJob, Service, State


@pytest.fixture
def queue(journal, tmp_path):
    feed = EventFeed(journal)
    return feed, Dispatcher(journal, None, feed, WorkerOptions(tmp_path))


class Heard:
    """A worker's link: what is sent is remembered, and nobody answers."""

    waiting = 0

    def __init__(self):
        self.frames = []

    def send(self, frame):
        self.frames.append(frame)
        return True

    def named(self, kind):
        return [frame.values["job_id"] for frame in self.frames if frame.kind == kind]


@pytest.fixture
def workers(queue):
    """Links of gate and engine, as if both were there."""
    _, dispatcher = queue
    dispatcher.gate._link, dispatcher.engine._link = Heard(), Heard()
    return dispatcher.gate._link, dispatcher.engine._link


async def at_engine(dispatcher, job):
    """Have the gate admit a job, and the engine begin it."""
    running = dispatcher.workshop.running[job.job_id]
    await dispatcher.workshop._on_gate(Frame("admitted", running.named(), b"admitted"))
    assert running.at_engine
    return running


async def forgotten(journal, feed, job):
    """End a job behind the queue's back, as a live session does with a frame that was replaced."""
    event = job_pb2.JobEvent(cancelled=job_pb2.Cancelled(reason="replaced"))
    assert await feed.publish(job.job_id, event, state=State.CANCELLED)
    assert journal.delete(job.job_id)


async def told(feed, job):
    """What a watcher is told at once."""
    async with asyncio.timeout(5):
        async for event in feed.watch(job.job_id, 0):
            yield event
            return


def end_of(journal, job):
    (*_, last) = journal.events(job.job_id)
    return job_pb2.JobEvent.FromString(last)


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


def test_a_forgotten_job_is_not_begun_again_for_ever(queue, journal, monkeypatch):
    feed, dispatcher = queue
    monkeypatch.setattr(returning_jobs, "PAUSES", (0.0, 0.0))

    async def run():
        job, _ = await dispatcher.submit(NewJob("painter", "1", b""))
        await forgotten(journal, feed, job)
        dispatcher.stall(job)
        await dispatcher._returning.retry()
        return dispatcher.waiting

    assert asyncio.run(run()) == []


def test_jobs_of_an_earlier_daemon_can_be_cancelled_before_it_works(queue, journal):
    _, dispatcher = queue
    left, _ = journal.submit(NewJob("host", "1", b""))
    journal.begin(left.job_id)

    async def run():
        await dispatcher.recover()
        return await dispatcher.cancel([left], "asked")

    assert asyncio.run(run()) == [left.job_id]
    assert journal.job(left.job_id).state is State.CANCELLED


def test_what_died_with_an_engine_keeps_its_turn_and_its_admission(queue, workers):
    """Its seeds were drawn by the gate, which is not told to forget them until it is over."""
    _, dispatcher = queue
    gate, _ = workers

    async def run():
        job, _ = await dispatcher.submit(NewJob("host", "1", b"asked"))
        running = await at_engine(dispatcher, job)
        dispatcher.gate._link = None  # nothing more is begun
        later, _ = await dispatcher.submit(NewJob("host", "2", b"asked"))
        dispatcher.gate._link = gate
        await dispatcher.lost(running, "engine")
        assert gate.named("drop") == []
        assert dispatcher._next().job_id == job.job_id != later.job_id
        assert await dispatcher.cancel([job], "asked") == [job.job_id]
        return job

    job = asyncio.run(run())
    assert gate.named("drop") == [job.job_id]


@pytest.mark.parametrize("how", ["cancelled", "paused"])
def test_what_is_asked_of_a_job_on_its_way_back_is_done(queue, journal, workers, monkeypatch, how):
    _, dispatcher = queue
    asked = []

    async def run():
        job, _ = await dispatcher.submit(NewJob("host", "1", b"asked"))
        running = await at_engine(dispatcher, job)
        loop, again = asyncio.get_running_loop(), journal.again

        def meanwhile(job_id):
            """In the thread that keeps it."""
            if how == "cancelled":
                doing = dispatcher.cancel([job], "asked")
            else:
                doing = dispatcher.serve(journal.serve(job_id, Service(1, True, "", None)))
            asked.append(asyncio.run_coroutine_threadsafe(doing, loop).result(5))
            again(job_id)

        monkeypatch.setattr(journal, "again", meanwhile)
        await dispatcher.lost(running, "engine")
        return job, dispatcher.waiting

    job, waiting = asyncio.run(run())
    if how == "cancelled":
        assert asked == [[job.job_id]] and waiting == []
        assert journal.job(job.job_id).state is State.CANCELLED
    else:
        assert [each.paused for each in waiting] == [True]


def test_a_paused_suspect_keeps_nobody_from_the_engine(queue, workers):
    _, dispatcher = queue
    _, engine = workers

    async def run():
        job, _ = await dispatcher.submit(NewJob("host", "1", b"asked"))
        for _ in range(2):
            dispatcher._deaths.note(job.job_id)
        running = await at_engine(dispatcher, job)
        other, _ = await dispatcher.submit(NewJob("another", "1", b"asked"))
        admitted = dispatcher.workshop.running[other.job_id]
        await dispatcher.workshop._on_gate(Frame("admitted", admitted.named(), b"admitted"))
        assert engine.named("start") == [job.job_id], "it runs alone"
        await dispatcher.serve(dispatcher._journal.serve(job.job_id, Service(1, True, "", None)))
        return job, other, running

    job, other, running = asyncio.run(run())
    assert engine.named("drop") == [job.job_id] and not running.at_engine
    assert engine.named("start") == [job.job_id, other.job_id]


def test_a_picture_beyond_its_clients_quota_ends_the_edit(queue, journal, workers, monkeypatch):
    """It was begun again and again: all of it, twice a second."""
    _, dispatcher = queue

    async def run():
        job, _ = await dispatcher.submit(NewJob("host", "1", b"asked"))
        await at_engine(dispatcher, job)
        full = QuotaExceeded("bytes of one client", 9, 8, "unpin some")
        monkeypatch.setattr(dispatcher.workshop, "_keep", lambda frame: _raise(full))
        await dispatcher.workshop._on_gate(Frame("blob", {"job_id": job.job_id}, b"picture"))
        return job, dispatcher.waiting

    job, waiting = asyncio.run(run())
    failed = end_of(journal, job).failed
    assert failed.code == errors_pb2.ERROR_CODE_EXHAUSTED and failed.retryable
    assert failed.fix == "unpin some" and waiting == []


def _raise(problem):
    raise problem


def test_places_are_told_when_they_come_and_where_somebody_watches(queue, monkeypatch):
    """All were told at every change: with ten thousand jobs nothing else was done."""
    feed, dispatcher = queue
    seen = []
    publish = feed.publish

    async def counted(job_id, event, **given):
        if event.HasField("queued"):
            seen.append((job_id, event.queued.position))
        return await publish(job_id, event, **given)

    monkeypatch.setattr(feed, "publish", counted)

    async def run():
        jobs = [(await dispatcher.submit(NewJob("host", str(n), b"")))[0] for n in range(20)]
        first = [(job.job_id, place) for place, job in enumerate(jobs)]
        assert seen == first
        watcher = feed.watch(jobs[-1].job_id, 0)
        assert (await anext(watcher)).queued.position == 19
        seen.clear()
        await dispatcher.cancel(jobs[:5], "asked")
        await asyncio.sleep(0)
        await dispatcher.fill()
        await watcher.aclose()
        return jobs

    jobs = asyncio.run(run())
    assert seen == [(jobs[-1].job_id, 14)]


def test_places_are_by_class_then_by_arrival(queue, journal):
    feed, dispatcher = queue

    async def run():
        batch, _ = await dispatcher.submit(NewJob("host", "1", b"", priority=2))
        live, _ = await dispatcher.submit(NewJob("host", "2", b"", priority=0))
        async with asyncio.timeout(5):
            watcher = feed.watch(batch.job_id, 0)
            await anext(watcher)
            await dispatcher.fill()
            return (await anext(watcher)).queued.position, live

    assert asyncio.run(run())[0] == 1


def test_what_died_too_often_is_not_remembered_when_it_is_cancelled(queue, workers):
    _, dispatcher = queue

    async def run():
        job, _ = await dispatcher.submit(NewJob("host", "1", b"asked"))
        await dispatcher.lost(Running(job, b"asked", 1), "engine")
        await dispatcher.cancel([job], "asked")

    asyncio.run(run())
    assert not dispatcher._deaths._counts
