"""Processes that die under load: nothing that was acknowledged is lost, and everybody is told."""

import os
import signal
import subprocess
import sys
import time
import uuid

import pytest

from retouch.client.failures import DaemonFailed
from retouch.v1 import edit_pb2, operation_pb2

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


def test_a_worker_that_dies_or_hangs_loses_no_edit(own, house):
    with own.start().client() as client:
        jobs = [client.submit(message(client, house, steps=40)) for _ in range(3)]
        until(client, jobs[0], "progress")
        (killed,) = own.workers()
        os.kill(killed, signal.SIGKILL)
        warned = until(client, jobs[0], "warning")

        until(client, jobs[0], "progress", warned.seq + 1)
        (stopped,) = own.workers()
        began = time.monotonic()
        os.kill(stopped, signal.SIGSTOP)
        until(client, jobs[0], "warning", warned.seq + 1)
        assert time.monotonic() - began < 9

        for job in jobs:
            (result,) = client.results(job)
            assert result.composite
        seen = kinds(client, jobs[0])
        assert seen.count("warning") == 2 and seen.count("result") == 1 and seen[-1] == "done"
        assert not {killed, stopped} & set(own.workers())


def test_an_edit_that_kills_every_worker_fails_by_itself(own, house):
    with own.start().client() as client:
        job, seq = client.submit(message(client, house, steps=200)), 0
        for _ in range(2):
            until(client, job, "progress", seq)
            os.kill(*own.workers(), signal.SIGKILL)
            seq = until(client, job, "warning", seq).seq + 1
        until(client, job, "progress", seq)
        os.kill(*own.workers(), signal.SIGKILL)
        with pytest.raises(DaemonFailed, match="3 times") as caught:
            client.results(job)
        assert caught.value.retryable
        (result,) = client.results(client.submit(message(client, house)))
        assert result.composite


def test_a_daemon_that_is_killed_goes_on_where_it_was(own, house):
    with own.start().client() as client:
        assert_taken(own.folder)
        done = client.submit(message(client, house))
        (before,) = client.results(done)
        last = max(event.seq for event in client.watch(done))
        running = [client.submit(message(client, house, steps=20, name=f"j{i}")) for i in range(9)]
        seen = [until(client, running[0], "progress").seq]
    own.kill()
    with own.start().client() as client:
        assert client.submit(message(client, house, steps=20, name="j0")) == running[0]
        (after,) = client.results(done)
        assert after == before
        assert [event.seq for event in client.watch(done, from_seq=last)] == [last]
        seen += [event.seq for event in client.watch(running[0], from_seq=seen[-1] + 1)]
        assert seen == sorted(set(seen))
        until(client, running[-1], "progress")
        own.process.send_signal(signal.SIGTERM)
        assert own.process.wait(20) == 0
    with own.start().client() as client:
        for job in running:
            (result,) = client.results(job)
            assert result.composite


def assert_taken(folder):
    """Nobody else can serve a folder."""
    arguments = ["serve", "--address", "127.0.0.1:0", "--folder", str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "another daemon uses" in done.stderr
