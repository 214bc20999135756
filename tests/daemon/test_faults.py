"""Processes that die under load: nothing that was acknowledged is lost, and everybody is told.

Here all processes are the real ones. What dies at every single step is in ``test_gate_deaths.py``,
and engines that mean harm are in ``test_rogue_engine.py``.
"""

import os
import signal
import subprocess
import sys
import time
import uuid

import pytest

from retouch.v1 import edit_pb2, edit_service_pb2, operation_pb2
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.journal import Journal

pytestmark = pytest.mark.slow

COMMAND = "import sys; from retouch.cli.main import run; sys.exit(run())"


def message(client, picture, *, steps=6, name=None):
    found = edit_pb2.EditRequest(
        client_job_id=name or uuid.uuid4().hex,
        canvas=edit_pb2.Canvas(source=client._uploads.image(picture)),
        prompt=edit_pb2.Prompt(text="a red house"),
        operations=[operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.9))],
        output=edit_pb2.Output(delivery=edit_pb2.DELIVERY_COMPOSITED),
    )
    found.sampling.steps = steps
    return found


def until(client, job, kind, from_seq=0):
    """Follow a job until something of a kind has happened."""
    for event in client.watch(job, from_seq):
        if event.WhichOneof("event") == kind:
            return event
    raise AssertionError(f"the job ended without {kind}")


def kinds(client, job):
    return [event.WhichOneof("event") for event in client.watch(job)]


def ended(pid, seconds):
    """Wait until a process is gone."""
    ends = time.monotonic() + seconds
    while os.path.exists(f"/proc/{pid}"):
        assert time.monotonic() < ends, f"process {pid} is still there"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("killed", "stopped"),
    [pytest.param("engine", "gate", marks=pytest.mark.endurance), ("gate", "engine")],
    ids=lambda name: name,
)
def test_workers_that_die_or_hang_lose_no_edit(impatient, house, killed, stopped):
    """One of the two dies, the other one hangs; both are replaced, and the front goes on."""
    with impatient.client() as client:
        jobs = [client.submit(message(client, house, steps=16)) for _ in range(3)]
        until(client, jobs[0], "progress")
        (dies,), (hangs,) = impatient.workers(killed), impatient.workers(stopped)
        os.kill(dies, signal.SIGKILL)
        os.kill(hangs, signal.SIGSTOP)
        assert client.describe().operations  # the front answers meanwhile
        ended(hangs, impatient.silence + 10)
        for job in jobs:
            (result,) = client.results(job)
            assert result.composite
        seen = kinds(client, jobs[0])
        assert "warning" in seen and seen.count("result") == 1 and seen[-1] == "done"
        assert not {dies, hangs} & set(impatient.workers())


def test_a_daemon_that_is_killed_goes_on_where_it_was(impatient, house):
    """The last one here: it stops the daemon."""
    own = impatient
    with own.client() as client:
        assert_taken(own.folder)
        done = client.submit(message(client, house))
        (before,) = client.results(done)
        last = max(event.seq for event in client.watch(done))
        running = [client.submit(message(client, house, steps=12, name=f"j{i}")) for i in range(3)]
        seen = [until(client, running[0], "progress").seq]
    own.kill()
    with own.start("--silence", str(own.silence)).client() as client:
        assert client.submit(message(client, house, steps=12, name="j0")) == running[0]
        (after,) = client.results(done)
        assert after == before
        assert [event.seq for event in client.watch(done, from_seq=last)] == [last]
        seen += [event.seq for event in client.watch(running[0], from_seq=seen[-1] + 1)]
        assert seen == sorted(set(seen))
        for job in running:
            (result,) = client.results(job)
            assert result.composite
        left = client.submit(message(client, house, steps=120))
        until(client, left, "progress")
        asked = edit_service_pb2.RunRequest(edit=message(client, house, steps=120))
        followed = client._edits.Run(asked, metadata=client._metadata)
        ran = next(followed).event.job_id  # it is not its caller who leaves
        own.process.send_signal(signal.SIGTERM)
        assert own.process.wait(60) == 0
    database = Database(own.folder / "journal.sqlite")
    assert [job.job_id for job in Journal(database).recover()] == [left, ran]  # for the next start
    database.close()


def assert_taken(folder):
    """Nobody else can serve a folder."""
    arguments = ["serve", "--address", "127.0.0.1:0", "--folder", str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "another daemon uses" in done.stderr
