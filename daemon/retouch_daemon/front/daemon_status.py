"""How the daemon is doing, as one JSON object: what ``retouch top`` and the metrics show."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import psutil

import retouch
from retouch_daemon.front.call_guard import Callers
from retouch_daemon.front.client_classes import client_class, priority_name
from retouch_daemon.front.dispatcher import Dispatcher
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.identity import TokenCheck
from retouch_daemon.front.metrics import Metrics
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.disk import free_bytes
from retouch_daemon.storage.job_records import JobRecord

#: Raised by one whenever a reader would misunderstand it.
FORMAT: Final = 1
#: Most jobs and clients that are told one by one.
MOST_TOLD: Final = 50
#: Seconds for which what must be asked of the disk and the system is good enough.
_FRESH: Final = 0.5


class DaemonStatus:
    """Looks at all parts of a daemon and changes none.

    Args:
        row_cap: most rows of one forward. dispatcher: the queue. feed: of events. blobs: stored
        pictures. callers: who calls. check: of the token. metrics: of jobs.
    """

    def __init__(
        self,
        *,
        row_cap: int,
        dispatcher: Dispatcher,
        feed: EventFeed,
        blobs: BlobStore,
        callers: Callers,
        check: TokenCheck,
        metrics: Metrics,
    ) -> None:
        self._row_cap = row_cap
        self._dispatcher, self._feed, self._blobs = dispatcher, feed, blobs
        self._callers, self._check = callers, check
        self._metrics, self._numbers = metrics, dispatcher.numbers
        self._began = time.monotonic()
        self._slow: dict[str, Any] = {}
        self._slow_until = 0.0
        self._asking = asyncio.Lock()

    async def read(self) -> dict[str, Any]:
        """Return the status. No prompt, no picture and no token is in it."""
        async with self._asking:
            if time.monotonic() > self._slow_until:
                self._slow = await asyncio.to_thread(self._ask_slowly)
                self._slow_until = time.monotonic() + _FRESH
        waiting, running = self._dispatcher.waiting, self._dispatcher.running
        return {
            "format": FORMAT,
            "retouch_version": retouch.__version__,
            "time": time.time(),
            "uptime_seconds": round(time.monotonic() - self._began, 3),
            "state": self._state(),
            "about": {"device": self._dispatcher.workshop.device, "row_cap": self._row_cap},
            "jobs": {"queued": len(waiting), "running": len(running), **self._metrics.over},
            "jobs_by_class": _by_class(waiting, running),
            "running": [self._running(job) for job in running[:MOST_TOLD]],
            "queued": [_told(job) for job in waiting[:MOST_TOLD]],
            "clients": self._clients(waiting, running),
            "worker": self._worker(),
            "gate_refusals": dict(self._metrics.refusals),
            "watchers": self._feed.watchers,
            "open_calls": sum(self._callers.open_calls().values()),
            "refused_calls": {**self._callers.refusals, "token": self._check.refused},
            **self._slow,
        }

    def _state(self) -> str:
        if self._callers.draining:
            return "draining"
        return "serving" if self._dispatcher.ready else "starting"

    def _running(self, job: JobRecord) -> dict[str, Any]:
        event = self._feed.newest(job.job_id, "progress")
        step, of_steps, remaining = 0, 0, None
        if event is not None:
            progress = event.progress
            step, of_steps = progress.step, progress.of_steps
            remaining = round(progress.remaining.ToNanoseconds() / 1e9, 3)
        seconds = round(self._metrics.run_seconds(job.job_id), 3)
        return _told(job) | {
            "step": step, "of_steps": of_steps, "remaining_seconds": remaining,
            "run_seconds": seconds,
        }  # fmt: skip

    def _clients(self, waiting: list[JobRecord], running: list[JobRecord]) -> list[dict[str, Any]]:
        queued, begun = (Counter(job.client for job in jobs) for jobs in (waiting, running))
        calls, over = self._callers.open_calls(), self._metrics.over_by_client
        names = {*queued, *begun, *calls, *over}
        found: list[dict[str, Any]] = [
            {"client": name, "queued": queued[name], "running": begun[name],
             "finished": over.get(name, 0), "open_calls": calls.get(name, 0)}
            for name in names
        ]  # fmt: skip
        found.sort(key=lambda each: (-each["running"], -each["queued"], -each["finished"]))
        return found[:MOST_TOLD]

    def _worker(self) -> dict[str, Any]:
        workers = {"engine": self._dispatcher.engine, "gate": self._dispatcher.gate}
        numbers = self._numbers
        forwards, rows = numbers.total("forwards"), numbers.total("rows")
        return {
            "ready": self._dispatcher.ready,
            "restarts": {name: max(0, each.starts - 1) for name, each in workers.items()},
            "forwards": forwards,
            "rows": rows,
            "rows_per_forward": round(rows / forwards, 3) if forwards else 0.0,
            "recent_rows_per_forward": [round(each, 2) for each in numbers.recent],
            "forwards_by_rows": numbers.forwards_by_rows(),
            "edits": numbers.now("edits"),
            "model_bytes": numbers.now("model_bytes"),
            "cache": {
                "hits": numbers.total("cache_hits"),
                "misses": numbers.total("cache_misses"),
                "evictions": numbers.total("cache_evictions"),
                "bytes": numbers.now("cache_bytes"),
            },
            "device_bytes": numbers.now("device_bytes"),
        }

    def _ask_slowly(self) -> dict[str, Any]:
        """What the disk and the system know."""
        return {
            "blobs": {
                "count": self._blobs.count(),
                "bytes": self._blobs.total(),
                "limit_bytes": self._blobs.room.limits.total_bytes,
                "evictions": self._blobs.room.evictions,
                "evicted_bytes": self._blobs.room.evicted_bytes,
                "disk_free_bytes": free_bytes(self._blobs.folder),
            },
            "processes": processes(),
        }


def processes() -> list[dict[str, Any]]:
    """Return the daemon's own processes: role, number and resident bytes of each."""
    found = []
    front = psutil.Process()
    for process in (front, *front.children(recursive=True)):
        try:
            role = "front" if process is front else _role(process.cmdline())
            if role:
                resident = process.memory_info().rss
                found.append({"role": role, "pid": process.pid, "resident_bytes": resident})
        except psutil.Error:
            continue  # it ended meanwhile
    return found


def _role(words: Iterable[str]) -> str:
    """What a child process is, by the module that it runs; empty for what is none of ours."""
    mine = ("retouch_daemon.", "retouch_bridge.")
    return next((word.partition(".")[2] for word in words if word.startswith(mine)), "")


def _told(job: JobRecord) -> dict[str, Any]:
    return {
        "job": job.job_id,
        "client": job.client,
        "priority": priority_name(job.priority),
        "age_seconds": round(max(0.0, time.time() - job.created), 3),
        "pixels": job.pixels,
    }


def _by_class(waiting: list[JobRecord], running: list[JobRecord]) -> list[dict[str, Any]]:
    found = Counter(
        (state, priority_name(job.priority), client_class(job.client))
        for state, jobs in (("queued", waiting), ("running", running))
        for job in jobs
    )
    return [
        {"state": state, "priority": priority, "client_class": kind, "count": count}
        for (state, priority, kind), count in found.items()
    ]
