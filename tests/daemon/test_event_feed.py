"""Events: kept before they are told, told in order, to every watcher from its own number on."""

import asyncio

import pytest

from retouch.v1 import job_pb2, plan_pb2
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.storage.errors import StorageFailed, UnknownJob
from retouch_daemon.storage.job_records import State
from retouch_daemon.storage.journal import RESTART_GAP


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


def test_an_event_is_numbered_dated_and_kept(journal, job_id):
    async def scenario():
        feed = EventFeed(journal)
        assert await feed.publish(job_id, warning("first"))
        assert await feed.publish(job_id, warning("second"), state=State.RUNNING)

    run(scenario())
    events = [job_pb2.JobEvent.FromString(payload) for payload in journal.events(job_id)]
    assert [(each.job_id, each.seq, each.warning.message) for each in events] == [
        (job_id, 1, "first"),
        (job_id, 2, "second"),
    ]
    assert all(each.time.seconds > 1_600_000_000 for each in events)
    assert journal.job(job_id).state is State.RUNNING


@pytest.mark.parametrize("from_seq", [0, 1, 2, 3, 4, 5, 2**64 - 1])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_watcher_begins_at_any_number(journal, job_id, from_seq, restarted):
    async def scenario():
        feed = EventFeed(journal)
        await feed.publish(job_id, warning())
        await feed.publish(job_id, progress(1))
        await feed.publish(job_id, warning())
        await end_of(job_id, feed)
        return await seen_by(EventFeed(journal) if restarted else feed, job_id, from_seq)

    everything = [(1, "warning"), (3, "warning"), (4, "done")]
    assert run(scenario()) == [each for each in everything if each[0] >= from_seq]


def test_watchers_see_what_comes_and_end_with_the_job(journal, job_id):
    async def scenario():
        feed = EventFeed(journal)
        await feed.publish(job_id, warning())
        watchers = [asyncio.create_task(seen_by(feed, job_id, n)) for n in (0, 2, 3)]
        await settled()
        for event in (progress(1), warning(), progress(2)):
            await feed.publish(job_id, event)
            await settled()
        await end_of(job_id, feed)
        return await asyncio.gather(*watchers), feed._feeds

    seen, left = run(scenario())
    everything = [(1, "warning"), (2, "progress"), (3, "warning"), (4, "progress"), (5, "done")]
    assert seen == [everything, everything[1:], everything[2:]]
    assert left == {}, "a job that is over and not watched takes no memory"


def test_a_slow_watcher_gets_the_newest_of_what_passes_and_all_that_is_kept(journal, job_id):
    async def scenario():
        feed, seen = EventFeed(journal), []
        await feed.publish(job_id, warning("first"))
        watcher = feed.watch(job_id, 0)
        seen.append(await anext(watcher))
        for step in range(1, 20):
            await feed.publish(job_id, progress(step))
            await feed.publish(job_id, queued(step))
        await feed.publish(job_id, warning("second"))
        seen += [await anext(watcher) for _ in range(3)]
        await end_of(job_id, feed)
        return seen + [event async for event in watcher]

    first, step, position, second, end = run(scenario())
    assert (first.warning.message, second.warning.message) == ("first", "second")
    assert step.progress.step == position.queued.position == 19
    assert (step.seq, position.seq, second.seq, end.seq) == (38, 39, 40, 41)


def test_what_passes_is_never_kept_and_told_no_more_at_the_end(journal, job_id):
    async def scenario():
        feed = EventFeed(journal)
        for event in (queued(0), progress(1), job_pb2.JobEvent(preview=job_pb2.Preview())):
            await feed.publish(job_id, event)
        assert journal.events(job_id) == []
        await end_of(job_id, feed)
        return await seen_by(feed, job_id)

    assert run(scenario()) == [(4, "done")]


def test_what_cannot_be_kept_is_not_told_and_its_number_not_given_again(
    journal, job_id, monkeypatch
):
    keep = journal.keep

    def full(*given, **named):
        raise StorageFailed("keep an event", "disk is full")

    async def scenario():
        feed = EventFeed(journal)
        watcher = asyncio.create_task(seen_by(feed, job_id))
        await settled()
        monkeypatch.setattr(journal, "keep", full)
        for event in (warning(), done()):
            with pytest.raises(StorageFailed):
                await feed.publish(job_id, event, state=State.DONE)
        await settled()
        assert not watcher.done(), "the end was not told"
        monkeypatch.setattr(journal, "keep", keep)
        await end_of(job_id, feed)
        return await watcher

    assert run(scenario()) == [(3, "done")]
    assert journal.job(job_id).state is State.DONE


@pytest.mark.parametrize("passing", [0, 1, 7])
def test_numbers_are_never_given_again_after_a_restart(journal, job_id, passing):
    async def scenario():
        feed = EventFeed(journal)
        await feed.publish(job_id, warning())
        for step in range(passing):
            await feed.publish(job_id, progress(step))
        last = 1 + passing
        journal.recover()
        feed = EventFeed(journal)
        watcher = asyncio.create_task(seen_by(feed, job_id, last + 1))
        await settled()
        await feed.publish(job_id, warning())
        await settled()
        await end_of(job_id, feed)
        return await watcher, await seen_by(feed, job_id)

    followed, everything = run(scenario())
    assert followed == [(RESTART_GAP, "warning"), (RESTART_GAP + 1, "done")]
    assert everything == [(1, "warning"), *followed]


def test_what_is_over_tells_nothing_more(journal, job_id):
    async def scenario():
        feed = EventFeed(journal)
        await end_of(job_id, feed)
        for event in (warning(), progress(1), cancelled()):
            assert not await feed.publish(job_id, event, state=State.CANCELLED)
        assert feed._feeds == {}
        return await seen_by(feed, job_id)

    assert run(scenario()) == [(1, "done")]
    assert journal.job(job_id).state is State.DONE


def test_nothing_can_be_watched_or_told_of_no_job(journal):
    async def scenario():
        feed = EventFeed(journal)
        with pytest.raises(UnknownJob):
            await anext(feed.watch("none", 0))
        with pytest.raises(UnknownJob):
            await feed.publish("none", warning())
        assert feed._feeds == {}

    run(scenario())
