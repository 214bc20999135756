"""Workers that cannot be started, say what nobody understands, or are asked too much."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from retouch_daemon.front import worker_process
from retouch_daemon.front.inspection_process import InspectionProcess
from retouch_daemon.front.worker_options import Command
from retouch_daemon.front.worker_process import WorkerGone, WorkerProcess
from retouch_daemon.link.frames import Frame
from retouch_daemon.storage.errors import QuotaExceeded

OTHERS = Path(__file__).parent / "other_workers"


@pytest.fixture
def command():
    path = os.pathsep.join(filter(None, [str(OTHERS), os.environ.get("PYTHONPATH")]))
    environment = {"PYTHONPATH": path}
    return Command("slow", "slow_worker", (), pauses=(0.01, 0.02), environment=environment)


class Kept:
    """A worker that is kept alive while a block runs."""

    def __init__(self, command, **told):
        self.ready, self.gone = asyncio.Event(), 0
        given = {"on_frame": self.on_frame, "on_ready": self.on_ready, "on_gone": self.on_gone}
        self.worker = WorkerProcess(command, **given | told)

    async def on_frame(self, frame):
        raise AssertionError(frame)

    async def on_ready(self, frame):
        self.ready.set()

    async def on_gone(self):
        self.gone += 1
        self.ready.clear()

    async def __aenter__(self):
        self.running = asyncio.create_task(self.worker.keep_alive())
        return self

    async def __aexit__(self, *_):
        await self.worker.stop()
        async with asyncio.timeout(15):
            await self.running


def run(scenario):
    async def limited():
        async with asyncio.timeout(30):
            return await scenario()

    return asyncio.run(limited())


def test_where_no_process_can_be_started_it_is_tried_again(command, monkeypatch, caplog):
    """No memory for one more process ended the whole daemon, with all that it was serving."""
    start, tries = asyncio.create_subprocess_exec, []

    async def refused_twice(*words, **given):
        tries.append(words)
        if len(tries) <= 2:
            raise OSError(11, "Resource temporarily unavailable")
        return await start(*words, **given)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refused_twice)

    async def scenario():
        before = len(os.listdir("/proc/self/fd"))
        async with Kept(command) as kept:
            while len(tries) < 2:
                await asyncio.sleep(0.01)
            await kept.ready.wait()
            assert (await kept.worker.call("ask", b"")).kind == "ask"
        return len(os.listdir("/proc/self/fd")) - before, kept.gone

    more, gone = run(scenario)
    assert len(tries) == 3 and gone == 2 and more <= 0
    assert "cannot be started: [Errno 11]" in caplog.text


def test_a_fault_of_whoever_is_told_ends_that_worker_alone(command, caplog):
    heard = []

    async def on_ready(frame):
        heard.append(frame)
        if len(heard) == 1:
            raise KeyError("a fault of our own")

    async def scenario():
        async with Kept(command, on_ready=on_ready) as kept:
            while len(heard) < 2:
                await asyncio.sleep(0.01)
            return kept.gone, await kept.worker.call("ask", b"")

    gone, answer = run(scenario)
    assert gone == 1 and answer.kind == "ask"
    assert "could not be dealt with" in caplog.text


def test_a_stop_while_it_is_being_started_is_not_lost(command, monkeypatch):
    start = asyncio.create_subprocess_exec
    starting, go_on = asyncio.Event(), asyncio.Event()

    async def held(*words, **given):
        process = await start(*words, **given)
        starting.set()
        await go_on.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", held)

    async def scenario():
        async with Kept(command) as kept:
            await starting.wait()
            await kept.worker.stop()
            go_on.set()

    run(scenario)


def test_questions_of_those_who_left_count_until_they_are_answered(command, monkeypatch):
    """Whoever asked and left, again and again, filled memory without end."""
    monkeypatch.setattr(worker_process, "MOST_CALLS", 3)

    async def scenario():
        async with Kept(command) as kept:
            await kept.ready.wait()
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(kept.worker.call("ask", b"0.3"), 0.01)
            with pytest.raises(QuotaExceeded, match="questions to the slow: got 4; allowed: 3"):
                await kept.worker.call("ask", b"")
            while True:
                try:
                    return await kept.worker.call("ask", b"")
                except QuotaExceeded:
                    await asyncio.sleep(0.05)

    assert run(scenario).kind == "ask"


def test_who_waits_is_told_when_it_ends(command):
    async def scenario():
        async with Kept(command) as kept:
            await kept.ready.wait()
            asking = asyncio.create_task(kept.worker.call("ask", b"20"))
            await asyncio.sleep(0)
            kept.worker.kill("a test")
            with pytest.raises(WorkerGone, match="ended before it answered"):
                await asking
            assert not kept.worker._calls

    run(scenario)


# --- the inspector, which is a worker that is there when somebody asks


@pytest.fixture
def inspector(command, tmp_path):
    found = InspectionProcess(tmp_path, answer_seconds=2.0, idle_seconds=0.3)
    found._command = command
    return found


def test_a_question_begins_when_those_that_were_left_are_answered(inspector):
    """The time of the next one ran while the inspector was still at those before."""

    async def scenario():
        try:
            await inspector.ask("ask", b"")
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(inspector.ask("ask", b"1.5"), 0.05)
            began = time.monotonic()
            answer = await inspector.ask("ask", b"0.1")
            return answer.kind, time.monotonic() - began, inspector._asking
        finally:
            await inspector.stop()

    kind, took, asking = run(scenario)
    assert kind == "ask" and took > 2.0 and asking == 0


def test_an_idle_inspector_ends_and_never_under_a_question(inspector):
    async def scenario():
        try:
            await inspector.ask("ask", b"")
            first = inspector.pid
            while inspector.pid is not None:
                await asyncio.sleep(0.02)
            for _ in range(6):  # they come when it is about to end
                assert (await inspector.ask("ask", b"")).kind == "ask"
                await asyncio.sleep(0.299)
            return first, inspector.pid
        finally:
            await inspector.stop()

    first, second = run(scenario)
    assert first != second


def test_a_stop_leaves_no_question_and_starts_nothing(inspector):
    async def scenario():
        await inspector.ask("ask", b"")
        asking = [asyncio.create_task(inspector.ask("ask", b"1.9")) for _ in range(3)]
        await asyncio.sleep(0.05)
        await inspector.stop()
        found = await asyncio.gather(*asking, return_exceptions=True)
        return found, inspector.pid, inspector._questions

    found, pid, questions = run(scenario)
    assert all(isinstance(each, BaseException) for each in found)
    assert pid is None and not questions


def test_a_frame_of_a_call_that_nobody_made_is_no_harm(command):
    async def scenario():
        async with Kept(command) as kept:
            await kept.ready.wait()
            kept.worker.send(Frame("ask", {"call": "unknown"}))
            return await kept.worker.call("ask", b"")

    assert run(scenario).kind == "ask"
