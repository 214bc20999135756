"""A gate's process that dies or hangs: nothing is lost, told twice, or leaves by it.

Front, journal and gate are the real ones; the gate is forked from a process that has loaded all,
see ``other_workers/forked_gate.py``, and the engine answers at once, see ``rogue_engine.py``.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from other_workers.forked_gate import HANGS, SLOW
from workshop import SILENCE, Front, kept, kinds

from retouch_safety import Installation
from retouch_safety.audit import AuditLog

OTHERS = Path(__file__).parent / "other_workers"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="module")
def front(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(OTHERS), prepend=":")
        patch.setenv("FORKED_GATE_FOLDER", str(folder))
        patch.setenv("OMP_NUM_THREADS", "1")
        command = [sys.executable, "-m", "forked_gate", str(folder / "loaded")]
        loaded = subprocess.Popen(command)
        try:
            ends = time.monotonic() + 240
            while not (folder / "loaded").exists():
                assert loaded.poll() is None and time.monotonic() < ends
                time.sleep(0.05)
            modules = {"engine_module": "rogue_engine", "gate_module": "forked_gate"}
            with Front(folder / "front", **modules) as front:
                yield front.ready()
        finally:
            loaded.kill()
            loaded.wait()


def ask(front, mode="", engine="with a look", priority=1, **given):
    message = front.message(**given)
    message.client_job_id = f"{engine}:{mode}:{message.client_job_id}"
    return front.submit(message, priority=priority)


def check_complete(front, job, events):
    """One result and one end, every number once, and the picture is there with its receipt."""
    seqs = [event.seq for event in events]
    assert seqs == sorted(set(seqs))
    told = kinds(kept(front, job))
    assert told.count("result") == 1 and told[-1] == "done" and told.count("done") == 1
    assert events[-1].done.released == 1
    (result,) = [event.result for event in kept(front, job) if event.HasField("result")]
    assert front.blob(result.composited.sha256)[:4] == b"\x89PNG"
    receipt = json.loads(result.receipt)
    assert (receipt["record"], receipt["job"]) == (result.receipt_id, job)


def test_killed_between_any_two_steps(front, folder, record_property):
    gate, done = front.dispatcher.gate, 0
    while True:
        starts = gate.starts
        (folder / "die_at").write_text(str(done))
        job = ask(front)
        events = front.events(job)
        check_complete(front, job, events)
        if gate.starts == starts:
            break
        warned = kinds(kept(front, job)).count("warning")
        assert warned <= 1
        done += 1
        front.ready()
    assert done >= 13, done  # a busy machine may leave out the look, and its two steps
    record_property("cases", done)
    report = AuditLog(Installation.default().folder / "audit").verify()
    assert report.intact, report.words()


@pytest.mark.parametrize("mode", ["kills the gate", "kills the decoder"])
def test_an_edit_that_kills_every_gate_fails_by_itself(front, mode):
    starts = front.ready().dispatcher.gate.starts
    job = ask(front, mode)
    others = [ask(front) for _ in range(4)]
    (*_, last) = front.events(job)
    assert "the gate ended 3 times" in last.failed.message and last.failed.retryable
    for other in others:
        check_complete(front, other, front.events(other))
    # On a busy machine one more may have been silent for too long.
    assert front.dispatcher.gate.starts - starts in (3, 4)


def test_a_gate_that_hangs_is_noticed(front, folder):
    job = ask(front, "hangs")
    began = time.monotonic()
    while not (folder / "hung").exists():
        assert time.monotonic() < began + 120
        time.sleep(0.01)
    began = time.time()
    events = front.events(job)
    check_complete(front, job, events)
    (warning,) = [event for event in kept(front, job) if event.HasField("warning")]
    assert warning.time.ToNanoseconds() / 1e9 - began < HANGS, "it was waited for"


def test_a_long_decoding_is_no_hang_and_the_engine_is_not_asked_again(front):
    starts = front.dispatcher.gate.starts, front.dispatcher.engine.starts
    began = time.monotonic()
    job = ask(front, "slow")
    events = front.events(job)
    assert time.monotonic() - began > SILENCE
    check_complete(front, job, events)
    assert (front.dispatcher.gate.starts, front.dispatcher.engine.starts) == starts


def test_an_edit_is_cancelled_while_the_gate_has_it(front, folder):
    (folder / "decoding").unlink(missing_ok=True)
    job = ask(front, "slow")
    began = time.monotonic()
    while not (folder / "decoding").exists():
        assert time.monotonic() < began + 120
        time.sleep(0.01)
    began = time.monotonic()
    assert front.cancel(job) == [job]
    (*_, last) = front.events(job)
    assert last.cancelled.reason == "asked"
    assert time.monotonic() - began < SLOW - 0.5, "the decoding was waited for"
    assert "result" not in kinds(kept(front, job))
    other = ask(front)
    check_complete(front, other, front.events(other))


def ended(front, job):
    return front.events(job)[-1].time.ToNanoseconds()


def test_what_somebody_paints_goes_before_batches(front):
    """They had their steps in turn, whatever they were."""
    batch = [ask(front, engine="honest", priority=2) for _ in range(6)]
    live = ask(front, engine="honest", priority=0)
    over = ended(front, live)
    assert sum(ended(front, job) > over for job in batch) >= 3


def test_questions_have_one_turn_among_the_edits(front):
    """All that had come were answered before anything else was done."""
    front.ready()
    gate, payload = front.dispatcher.gate, front.message().SerializeToString()

    async def flood():
        asked = [asyncio.ensure_future(gate.call("plan", payload)) for _ in range(60)]
        await asyncio.sleep(0)
        return asked

    asked = front.do(flood())
    job = ask(front, engine="honest")
    check_complete(front, job, front.events(job))
    left = sum(not each.done() for each in asked)

    async def answered():
        return await asyncio.gather(*asked)

    assert {answer.kind for answer in front.do(answered())} == {"planned"}
    assert left > 0


def test_what_was_drawn_stays_drawn(front, folder):
    """A random seed is drawn once, also when the gate that drew it has died."""
    (folder / "die_at").write_text("14")
    message = front.message(strength=0.0)
    del message.sampling.seeds[:]
    message.sampling.seed_mode = 3
    job = front.submit(message)
    check_complete(front, job, front.events(job))


def test_one_that_dies_at_rest_is_started_again(front, folder):
    starts = front.ready().dispatcher.gate.starts
    os.kill(int((folder / "pid").read_text()), 9)
    job = ask(front)
    check_complete(front, job, front.events(job))
    assert front.dispatcher.gate.starts == starts + 1
