"""Where a worker cannot be started, those who wait are told so, and go on once it can."""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from other_workers import mended_start
from workshop import Front, kept, kinds

from retouch_daemon.front.start_troubles import StartTroubles
from retouch_daemon.storage.errors import StorageFailed

OTHERS = Path(__file__).parent / "other_workers"


@pytest.mark.parametrize("worker", ["engine", "gate"])
def test_the_jobs_of_a_worker_that_cannot_start_are_warned_once_and_go_on(
    tmp_path, monkeypatch, worker
):
    mended = tmp_path / "mended"
    path = os.pathsep.join(filter(None, [str(OTHERS), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv(mended_start.MENDED, str(mended))
    monkeypatch.setenv(mended_start.THEN, f"retouch_daemon.{worker}")
    broken = {f"{worker}_module": "mended_start", "pauses": (0.02, 10.0)}
    with Front(tmp_path / "front", silence=20.0, **broken) as front:
        process = getattr(front.dispatcher, worker)
        first = front.submit(front.message(steps=2))
        later = None
        began = time.monotonic()
        while not (warned := warnings(front, first)) or later is None:
            assert time.monotonic() < began + 60
            later = later or (front.submit(front.message(steps=2)) if warned else None)
            time.sleep(0.05)
        (words,) = warned
        assert f"the {worker} ended" in words and "before it could work" in words
        assert process.failed_starts >= 3
        mended.touch()
        for job in (first, later):
            assert kinds(front.events(job))[-2:] == ["result", "done"]
            assert len(warnings(front, job)) == 1
        assert process.failed_starts == 0


def warnings(front, job):
    return [event.warning.message for event in kept(front, job) if event.HasField("warning")]


class Feed:
    """Keeps what is published, unless its disk refuses."""

    def __init__(self):
        self.told, self.refuses = [], False

    async def publish(self, job_id, event):
        if self.refuses:
            raise StorageFailed("keep an event", "disk full")
        self.told.append((job_id, event.warning.message))


@pytest.fixture
def feed():
    return Feed()


def test_each_trouble_is_told_once_and_a_job_that_is_paused_does_not_wait(feed):
    gate, engine = Worker("gate"), Worker("engine")
    troubles = StartTroubles(feed, (gate, engine))
    jobs = [SimpleNamespace(job_id="a", paused=False), SimpleNamespace(job_id="b", paused=True)]
    for starts in (1, 2, 3, 4, 0, 3):
        engine.failed_starts = starts
        asyncio.run(troubles.tell(jobs))
    assert [name for name, _ in feed.told] == ["a", "a"]
    assert all("the engine ended 3 times" in words for _, words in feed.told)


def test_what_the_disk_did_not_take_is_told_later(feed):
    engine = Worker("engine", failed_starts=3)
    troubles = StartTroubles(feed, (Worker("gate"), engine))
    jobs = [SimpleNamespace(job_id="a", paused=False)]
    feed.refuses = True
    with pytest.raises(StorageFailed):
        asyncio.run(troubles.tell(jobs))
    feed.refuses = False
    for _ in range(2):
        asyncio.run(troubles.tell(jobs))
    assert len(feed.told) == 1


@dataclass
class Worker:
    name: str
    failed_starts: int = 0
