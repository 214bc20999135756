"""A worker that hangs before it is ready is noticed; one that takes long, and gets on, is left."""

import asyncio
import os
import socket
import sys
import time
import types
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from other_workers import hanging_start
from workshop import Front, kinds

from retouch_daemon.front.worker_options import START_SECONDS, Command
from retouch_daemon.front.worker_process import WorkerProcess
from retouch_daemon.link.blocking import BlockingLink
from retouch_daemon.link.frames import STARTING

OTHERS = Path(__file__).parent / "other_workers"
#: Seconds without news after which a start counts as hung here.
SECONDS = 3.0


def environment(folder, how, then):
    path = os.pathsep.join(filter(None, [str(OTHERS), os.environ.get("PYTHONPATH")]))
    started = str(folder / "started")
    return {
        "PYTHONPATH": path,
        hanging_start.HOW: how,
        hanging_start.REMEMBERED: started,
        hanging_start.THEN: then,
    }


async def starts_until_ready(command):
    ready = asyncio.Event()

    async def on_ready(frame):
        ready.set()

    async def nothing(*_):
        pass

    worker = WorkerProcess(command, on_frame=nothing, on_ready=on_ready, on_gone=nothing)
    living = asyncio.create_task(worker.keep_alive())
    try:
        async with asyncio.timeout(60):
            await ready.wait()
        return worker.starts
    finally:
        await worker.stop()
        worker.kill("the test is over")
        await living


@pytest.mark.parametrize(
    ("how", "starts"), [("silent", 2), ("busy", 2), (f"slow {SECONDS * 1.5}", 1)]
)
def test_one_that_hangs_is_started_again_and_one_that_gets_on_is_not(tmp_path, how, starts, caplog):
    """Nobody noticed one that hung: all edits waited for ever."""
    command = Command(
        "slow", "hanging_start", (), start_seconds=SECONDS, pauses=(0.01, 0.02),
        environment=environment(tmp_path, how, "slow_worker"),
    )  # fmt: skip
    assert asyncio.run(starts_until_ready(command)) == starts
    hung = f"nothing new has been heard of its start for {SECONDS:g} s" in caplog.text
    assert hung == (starts > 1)


def test_the_jobs_of_an_engine_that_hung_go_on(tmp_path, monkeypatch):
    for name, value in environment(tmp_path, "silent", "retouch_daemon.engine").items():
        monkeypatch.setenv(name, value)
    with Front(tmp_path / "front", engine_module="hanging_start", silence=20.0) as front:
        job, engine = front.submit(front.message(steps=2)), front.dispatcher.engine
        while not Path(os.environ[hanging_start.REMEMBERED]).exists():
            time.sleep(0.01)
        engine._command = replace(engine._command, start_seconds=SECONDS / 4)
        while engine.starts < 2:
            time.sleep(0.01)
        engine._command = replace(engine._command, start_seconds=START_SECONDS)
        assert kinds(front.events(job))[-2:] == ["result", "done"]
        assert engine.starts == 2


def test_news_of_a_start_come_where_it_gets_on_alone(monkeypatch):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        link = BlockingLink(ours)
        with BlockingLink(theirs).starting(0.01):
            assert link.receive().kind == STARTING
            ours.settimeout(0.3)
            with pytest.raises(TimeoutError):
                link.receive()
            ours.settimeout(20)
            monkeypatch.setitem(sys.modules, "news_of_a_start", types.ModuleType("news"))
            assert link.receive().kind == STARTING
        monkeypatch.setitem(sys.modules, "news_after_it", types.ModuleType("news"))
        ours.settimeout(0.3)
        with pytest.raises(TimeoutError):
            link.receive()
