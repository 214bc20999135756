"""Events that meet: two at once, a watcher who reads meanwhile, a caller who leaves."""

import asyncio
import threading

import pytest

from retouch.v1 import errors_pb2, job_pb2, plan_pb2
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.storage.job_records import State


def progress(step):
    return job_pb2.JobEvent(progress=job_pb2.Progress(step=step, of_steps=99))


def queued(position):
    return job_pb2.JobEvent(queued=job_pb2.Queued(position=position))


def warning(message="w"):
    return job_pb2.JobEvent(warning=plan_pb2.Warning(message=message))


def done():
    return job_pb2.JobEvent(done=job_pb2.Done(released=1))


def cancelled():
    return job_pb2.JobEvent(cancelled=job_pb2.Cancelled(reason="asked"))


class Held:
    """A method that waits, once it was called, until it is released."""

    def __init__(self, method, *, before):
        self.method, self.before = method, before
        self.called, self.release = threading.Event(), threading.Event()

    def __call__(self, *given, **named):
        found = None if self.before else self.method(*given, **named)
        self.called.set()
        assert self.release.wait(10)
        return self.method(*given, **named) if self.before else found

    async def reached(self):
        assert await asyncio.to_thread(self.called.wait, 10)


def run(scenario):
    async def limited():
        async with asyncio.timeout(20):
            return await scenario

    return asyncio.run(limited())


async def seen_by(feed, job_id, from_seq=0):
    return [(event.seq, event.WhichOneof("event")) async for event in feed.watch(job_id, from_seq)]


async def settled():
    """Let whoever can go on do so."""
    for _ in range(30):
        await asyncio.sleep(0.002)


def end_of(job_id, feed):
    return feed.publish(job_id, done(), state=State.DONE)


def test_nothing_is_told_before_it_is_kept(journal, job_id, monkeypatch):
    async def scenario():
        feed = EventFeed(journal)
        watcher = asyncio.create_task(anext(feed.watch(job_id, 0)))
        await settled()
        held = Held(journal.keep, before=True)
        monkeypatch.setattr(journal, "keep", held)
        publishing = asyncio.create_task(feed.publish(job_id, warning()))
        await held.reached()
        await settled()
        assert not watcher.done()
        held.release.set()
        assert await publishing
        return await watcher

    assert run(scenario()).seq == 1


def test_two_ends_at_once_are_one(journal, job_id):
    async def scenario():
        feed = EventFeed(journal)
        watchers = [asyncio.create_task(seen_by(feed, job_id)) for _ in range(3)]
        await settled()
        failed = job_pb2.JobEvent(failed=errors_pb2.Failed())
        told = await asyncio.gather(
            end_of(job_id, feed),
            feed.publish(job_id, failed, state=State.FAILED),
            feed.publish(job_id, cancelled(), state=State.CANCELLED),
        )
        return told, await asyncio.gather(*watchers)

    told, seen = run(scenario())
    assert told == [True, False, False]
    assert seen == [[(1, "done")]] * 3


def test_what_passes_does_not_overtake_what_is_being_kept(journal, job_id, monkeypatch):
    """A queue position that comes while the end is on its way to the disk must not hide it."""

    async def scenario():
        feed = EventFeed(journal)
        watcher = asyncio.create_task(seen_by(feed, job_id))
        await settled()
        held = Held(journal.keep, before=True)
        monkeypatch.setattr(journal, "keep", held)
        end = asyncio.create_task(feed.publish(job_id, cancelled(), state=State.CANCELLED))
        await held.reached()
        late = asyncio.create_task(feed.publish(job_id, queued(0)))
        await settled()
        held.release.set()
        assert await end
        assert not await late
        return await watcher

    assert run(scenario()) == [(1, "cancelled")]


@pytest.mark.parametrize("before", [False, True])
def test_what_is_told_while_a_watcher_reads_the_past_is_told_once(
    journal, job_id, monkeypatch, before
):
    """A kept event and a passing one after it, both between its look at the disk and its answer."""
    events = journal.events

    async def scenario():
        feed = EventFeed(journal)
        await feed.publish(job_id, warning())
        held = Held(events, before=before)
        monkeypatch.setattr(journal, "events", held)
        watcher = asyncio.create_task(seen_by(feed, job_id))
        await held.reached()
        await feed.publish(job_id, warning())
        await feed.publish(job_id, progress(1))
        monkeypatch.setattr(journal, "events", events)
        held.release.set()
        await settled()
        await end_of(job_id, feed)
        return await watcher

    assert run(scenario()) == [(1, "warning"), (2, "warning"), (3, "progress"), (4, "done")]


def test_a_caller_who_leaves_does_not_leave_the_watchers_behind(journal, job_id, monkeypatch):
    """Cancel is called by a client that goes away while the disk is at work."""

    async def scenario():
        feed = EventFeed(journal)
        watcher = asyncio.create_task(seen_by(feed, job_id))
        await settled()
        held = Held(journal.keep, before=True)
        monkeypatch.setattr(journal, "keep", held)
        caller = asyncio.create_task(feed.publish(job_id, cancelled(), state=State.CANCELLED))
        await held.reached()
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        held.release.set()
        return await watcher

    assert run(scenario()) == [(1, "cancelled")]


def test_a_watcher_who_leaves_is_forgotten(journal, job_id):
    async def scenario():
        feed = EventFeed(journal)
        leaving = asyncio.create_task(seen_by(feed, job_id))
        await settled()
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        assert feed.watchers == 0 and feed.watched == []
        await end_of(job_id, feed)
        assert feed._feeds == {}

    run(scenario())
