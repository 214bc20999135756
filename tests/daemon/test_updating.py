"""Jobs that are paused, resumed, hurried and replaced, through a real daemon."""

import contextlib
import time

import grpc
import pytest

from retouch.client.failures import DaemonFailed
from retouch.errors import InvalidField
from retouch.v1 import edit_pb2, edit_service_pb2
from retouch_daemon.phases import DENOISE
from retouch_plugins.sdedit import SDEdit

LONG = {"prompt": "a red house", "operations": [SDEdit(strength=0.9)], "steps": 200}
SHORT = {"prompt": "a tree", "operations": [SDEdit(strength=0.5)], "steps": 4}


def until(client, job, kind, from_seq=0):
    for event in client.watch(job, from_seq):
        if event.WhichOneof("event") == kind:
            return event
    raise AssertionError(f"the job ended without {kind}")


def drawing(client, job):
    """Wait until the model is loaded and the first step is done."""
    for event in client.watch(job):
        if event.HasField("progress") and event.progress.phase == DENOISE:
            return
    raise AssertionError("the job ended before its first step")


def job_of(client, name):
    (found,) = (job for job in client.jobs() if job.job_id == name)
    return found


def test_a_running_edit_is_paused_and_goes_on_where_it_was(served, house):
    with served.client("pausing") as client:
        job = client.submit(client.message(house, **LONG | {"steps": 40}))
        drawing(client, job)
        (paused,) = client.update(job, paused=True)
        assert paused.paused and paused.state == edit_service_pb2.JOB_STATE_RUNNING
        told = until(client, job, "updated")
        assert told.updated.paused
        (other,) = client.edit(house, **SHORT)  # others run meanwhile
        assert other.composite
        newest = _progress_now(client, job)
        time.sleep(0.5)
        assert _progress_now(client, job) == newest, "it stands still"
        assert newest[-1].progress.step < newest[-1].progress.of_steps
        (resumed,) = client.update(job, paused=False)
        assert not resumed.paused
        after = until(client, job, "progress", newest[-1].seq + 1)
        assert after.progress.step > newest[-1].progress.step
        (result,) = client.results(job)
        assert result.composite and client.update(job, paused=True) == ()


def _progress_now(client, job):
    """The progress that a watcher is told at once; on a busy machine that takes a while."""
    asked = edit_service_pb2.WatchRequest(job_id=job)
    for seconds in (0.3, 2.0, 30.0):
        call = client._edits.Watch(asked, metadata=client._metadata, timeout=seconds)
        found = []
        with contextlib.suppress(grpc.RpcError):
            for answer in call:
                found.append(answer.event)
        progress = [event for event in found if event.WhichOneof("event") == "progress"]
        if progress:
            return progress
    raise AssertionError(f"no progress was told: {found}")


def test_a_queued_job_that_is_paused_is_not_begun(served, house):
    with served.client("queueing") as client:
        blocker = client.submit(client.message(house, **LONG))
        until(client, blocker, "progress")
        job = client.submit(client.message(house, **SHORT, priority="batch"))
        client.update(job, paused=True)
        client.cancel(blocker)
        time.sleep(0.5)
        found = job_of(client, job)
        assert found.paused and found.priority == edit_pb2.PRIORITY_CLASS_BATCH
        client.update(job, paused=False, priority="interactive", new_group="g", time_limit=60.0)
        assert client.results(job)[0].composite
        (told,) = (found for found in client.jobs() if found.job_id == job)
        assert (told.group, told.priority) == ("g", edit_pb2.PRIORITY_CLASS_INTERACTIVE)
        assert told.HasField("deadline")


def test_a_time_limit_can_be_given_and_taken_away_later(served, house):
    with served.client("limits") as client:
        job = client.submit(client.message(house, **LONG, time_limit=300))
        (without,) = client.update(job, no_time_limit=True)
        assert not without.HasField("deadline")
        client.update(job, time_limit=0.2)
        with pytest.raises(DaemonFailed, match="time limit"):
            client.results(job)


def test_the_newest_of_a_group_replaces_the_others(served, house):
    with served.client("groups") as client, served.client("stranger") as stranger:
        theirs = stranger.submit(stranger.message(house, **LONG, group="doc"))
        older = [client.submit(client.message(house, **LONG, group="doc")) for _ in range(2)]
        apart = client.submit(client.message(house, **SHORT, group="other"))
        asked = client.message(house, **SHORT, group="doc")
        newest = client.submit(asked, replace_group=True)
        for job in older:
            *_, last = client.watch(job)
            assert last.cancelled.reason == "replaced"
        assert client.results(newest)[0].composite and client.results(apart)[0].composite
        assert stranger.cancel(theirs) == (theirs,), "another client's group is its own"
        later = client.submit(client.message(house, **SHORT, group="doc"))
        assert client.submit(asked, replace_group=True) == newest, "sent again"
        assert client.results(later)[0].composite, "it replaces nothing that came later"


def test_a_group_must_be_named_to_be_replaced(client, house):
    with pytest.raises(InvalidField, match="group"):
        client.submit(client.message(house, **SHORT), replace_group=True)


def test_nothing_named_changes_nothing(client, house):
    job = client.submit(client.message(house, **SHORT))
    assert client.update(paused=True) == () and client.results(job)[0].composite


def test_another_clients_jobs_are_not_changed(served, client, house):
    job = client.submit(client.message(house, **LONG))
    with served.client("another") as other:
        assert other.update(job, paused=True) == ()
    assert client.cancel(job) == (job,)


def test_a_whole_group_is_changed_at_once(served, house):
    with served.client("many") as client:
        blocker = client.submit(client.message(house, **LONG, group="many"))
        rest = [client.submit(client.message(house, **LONG, group="many")) for _ in range(2)]
        changed = client.update(group="many", priority="batch")
        assert [job.job_id for job in changed] == [blocker, *rest]
        assert sorted(client.cancel(group="many")) == sorted([blocker, *rest])
