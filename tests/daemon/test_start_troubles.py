"""Where a worker cannot be started, those who wait are told so, and go on once it can."""

import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from other_workers import mended_start
from workshop import Front, kept, kinds

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
        assert f"the {worker} ended" in words and "soon after its start" in words
        assert process.short_lives >= 3
        mended.touch()
        for job in (first, later):
            assert kinds(front.events(job))[-2:] == ["result", "done"]
            assert len(warnings(front, job)) == 1


def warnings(front, job):
    return [event.warning.message for event in kept(front, job) if event.HasField("warning")]
