"""What happens to jobs: numbered, kept where it must be, and told to whoever watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from retouch.v1 import job_pb2
from retouch_daemon.front.calls_by_name import CallsByName
from retouch_daemon.front.job_observers import JobObserver, Observers
from retouch_daemon.storage.job_records import OVER, State
from retouch_daemon.storage.journal import Journal

#: Kinds of which only the newest is worth having: they are told, not kept.
PASSING: Final = ("queued", "progress", "preview", "updated")
_ENDS: Final = ("failed", "cancelled", "done")
#: What is told again when a job begins again: the engine need not wait until the disk has it.
_TOLD_ANEW: Final = ("phases",)


@dataclass
class _Feed:
    """A job that is not over, or is watched.

    Attributes:
        next_seq: number of its next event.
        told: highest number of an event that can be told.
        kept: highest number of a kept event.
        passing: newest event of every passing kind.
        over: whether nothing comes any more.
        changed: notified at every event.
        publishing: held from an event's number to its telling, so that they are told in order.
    """

    next_seq: int
    told: int
    kept: int
    over: bool
    passing: dict[str, job_pb2.JobEvent] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    publishing: asyncio.Lock = field(default_factory=asyncio.Lock)


class EventFeed:
    """Numbers, keeps and tells events. All methods are called on one event loop.

    Args:
        journal: where events are kept.
        observer: told every event, too.
    """

    def __init__(self, journal: Journal, observer: JobObserver | None = None) -> None:
        self._journal = journal
        self.observer = observer or Observers()
        self._feeds: dict[str, _Feed] = {}
        #: Streams that follow a job, by its name: most jobs have none.
        self._watched = CallsByName()
        self._opening = asyncio.Lock()

    async def publish(
        self,
        job_id: str,
        event: job_pb2.JobEvent,
        *,
        blobs: Sequence[str] = (),
        state: State | None = None,
        begins_again: bool = False,
    ) -> bool:
        """Number and date an event, keep it if it is one to keep, then tell it.

        Args:
            job_id: of the job.
            event: what happened, without number and date.
            blobs: digests that it names.
            state: of the job from now on; None leaves it.
            begins_again: whether passing events so far are out of date.

        Returns:
            False, and it is told to nobody, where the job is over already.

        Raises:
            UnknownJob, StorageFailed.
        """
        # Shielded: a call that is cancelled meanwhile must not leave an event kept, but untold.
        return await asyncio.shield(self._published(job_id, event, blobs, state, begins_again))

    async def _published(
        self,
        job_id: str,
        event: job_pb2.JobEvent,
        blobs: Sequence[str],
        state: State | None,
        begins_again: bool,
    ) -> bool:
        feed = await self._open(job_id)
        async with feed.publishing:
            if begins_again:
                feed.passing.clear()
            told = not feed.over and await self._tell(job_id, feed, event, blobs, state)
        self._drop_if_idle(job_id, feed)
        return told

    async def _tell(
        self,
        job_id: str,
        feed: _Feed,
        event: job_pb2.JobEvent,
        blobs: Sequence[str],
        state: State | None,
    ) -> bool:
        seq, feed.next_seq = feed.next_seq, feed.next_seq + 1
        event.job_id, event.seq = job_id, seq
        event.time.GetCurrentTime()
        kind = event.WhichOneof("event") or ""
        kept = True
        if kind in PASSING:
            feed.passing[kind] = event
        else:
            payload = event.SerializeToString()
            kept = await asyncio.to_thread(
                self._journal.keep, job_id, payload, seq=seq, blobs=blobs, state=state,
                lasting=kind not in _TOLD_ANEW,
            )  # fmt: skip
            feed.kept = seq
        feed.told, feed.over = seq, kind in _ENDS or not kept
        if kept:
            self.observer.told(job_id, event)
        async with feed.changed:
            feed.changed.notify_all()
        return kept

    @property
    def watchers(self) -> int:
        """How many streams follow a job."""
        return self._watched.total()

    @property
    def watched(self) -> list[str]:
        """Jobs that a stream follows."""
        return list(self._watched)

    def newest(self, job_id: str, kind: str) -> job_pb2.JobEvent | None:
        """Return the newest event of a passing kind of a job that is not over, None without."""
        feed = self._feeds.get(job_id)
        return None if feed is None else feed.passing.get(kind)

    async def watch(self, job_id: str, from_seq: int) -> AsyncIterator[job_pb2.JobEvent]:
        """Yield a job's events from a number on, to its end; of passing ones only the newest.

        Raises:
            UnknownJob, StorageFailed.
        """
        feed = await self._open(job_id)
        seen = max(0, from_seq - 1)
        with self._following(job_id, feed):
            while True:
                over, told = feed.over, feed.told
                for event in await self._news(job_id, feed, seen):
                    yield event
                seen = max(seen, told)
                if over:
                    return
                async with feed.changed:
                    while not feed.over and feed.told <= seen:
                        await feed.changed.wait()

    @contextmanager
    def _following(self, job_id: str, feed: _Feed) -> Iterator[None]:
        try:
            with self._watched.open(job_id):
                yield
        finally:
            self._drop_if_idle(job_id, feed)

    async def _news(self, job_id: str, feed: _Feed, seen: int) -> list[job_pb2.JobEvent]:
        """Events above ``seen`` that can be told now, in order: none that comes meanwhile."""
        told = feed.told
        found = [] if feed.over else [each for each in feed.passing.values() if each.seq > seen]
        if feed.kept > seen:
            payloads = await asyncio.to_thread(self._journal.events, job_id, seen + 1)
            kept = [job_pb2.JobEvent.FromString(payload) for payload in payloads]
            found += [event for event in kept if event.seq <= told]
        return sorted(found, key=lambda event: event.seq)

    async def _open(self, job_id: str) -> _Feed:
        async with self._opening:
            if job_id not in self._feeds:
                job = await asyncio.to_thread(self._journal.job, job_id)
                following = await asyncio.to_thread(self._journal.next_seq, job_id)
                self._feeds[job_id] = _Feed(
                    following, following - 1, following - 1, job.state in OVER
                )
            return self._feeds[job_id]

    def _drop_if_idle(self, job_id: str, feed: _Feed) -> None:
        if feed.over and job_id not in self._watched:
            self._feeds.pop(job_id, None)
