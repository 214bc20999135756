"""Cancelled, killed, restarted: the document stays whole, and exactly one job ends."""

import json
import os
import signal
import time

import pytest
from behaviours import record
from PIL import Image

from retouch_bridge.plugin_kit.edit_request import Choices, OperationChoice, Picture, Snapshot
from retouch_bridge.plugin_kit.edit_task import EditTask
from retouch_bridge.plugin_kit.geometry import Rect

pytestmark = [pytest.mark.host, pytest.mark.window]

HOST = "GIMP 3"


def long_edit(gimp, steps):
    values = {"prompt": "a house at night", "steps": steps, "seed": 4}
    return started(gimp, "retouch-restyle", values)


def started(gimp, procedure, values):
    (gimp.folder / "answers.json").unlink(missing_ok=True)
    return gimp.start("drive_one.py", procedure=procedure, values=values)


def answer(gimp, process, timeout=60):
    said, _ = process.communicate(timeout=timeout)
    path = gimp.folder / "answers.json"
    assert path.exists(), said[-3000:]
    return json.loads(path.read_text("utf-8"))


def wait_for(what, seconds=30):
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def running(daemon, before):
    """The job of the plug-in that was not there before, once it runs."""
    new = [each for each in daemon.client().jobs() if each["jobId"] not in before]
    return next((each["jobId"] for each in new if each["state"] == "JOB_STATE_RUNNING"), None)


def states(daemon):
    return {each["jobId"]: each["state"] for each in daemon.client().jobs()}


def other_job(daemon):
    """A job of somebody else with the same client's name, at work beside the plug-in's."""
    pixels = Image.open(daemon.folder.parent / "house.png").convert("RGB").tobytes()
    snapshot = Snapshot(Rect(0, 0, 128, 128), Picture(pixels, 128, 128, "RGB"))
    chosen = Choices("a house", operations=(OperationChoice("sdedit"),), steps=60, seed=1)
    return EditTask(daemon.client(), snapshot, chosen).start()


def test_cancelling_in_gimp_ends_exactly_this_job(gimp, daemon):
    """The Cancel of GIMP's progress bar kills the plug-in, so the test does."""
    before = states(daemon)
    process = long_edit(gimp, steps=250)
    mine = wait_for(lambda: running(daemon, before))
    (plugin,) = gimp.plugin_processes()
    other = other_job(daemon)
    wait_for(lambda: other.job_id)
    os.kill(plugin, signal.SIGKILL)
    wait_for(lambda: states(daemon)[mine] == "JOB_STATE_CANCELLED", 10)
    found = answer(gimp, process)
    assert found["status"] != "success"
    assert found["after"] == found["before"]
    assert other.wait(60)
    assert other.state == "done", other.error
    record(HOST, "cancel exactly this job")


def test_a_killed_daemon_comes_back_and_the_result_arrives(gimp, daemon):
    before = states(daemon)
    process = long_edit(gimp, steps=120)
    wait_for(lambda: running(daemon, before))
    daemon.kill()
    daemon.start()
    found = answer(gimp, process, 120)
    assert found["status"] == "success", found["said"]
    assert found["after"][1:] == found["before"]


def test_a_killed_gimp_finds_its_result_when_it_is_back(gimp, daemon):
    before = states(daemon)
    process = long_edit(gimp, steps=120)
    mine = wait_for(lambda: running(daemon, before))
    process.kill()
    process.wait()
    wait_for(lambda: not gimp.plugin_processes(), 10)
    time.sleep(1)
    assert states(daemon)[mine] in ("JOB_STATE_RUNNING", "JOB_STATE_DONE")
    found = answer(gimp, started(gimp, "retouch-resume", {}))
    assert found["status"] == "success", found["said"]
    assert len(found["after"]) == 2 and found["after"][1:] == found["before"]
    assert set(states(daemon)) - set(before) == {mine}
    assert not list((gimp.folder / "gimp/retouch/edits-at-work").glob("*.json"))


def test_without_a_daemon_it_says_so(gimp, daemon):
    hidden = daemon.folder / "gateway.hidden"
    (daemon.folder / "gateway.json").rename(hidden)
    try:
        found = answer(gimp, long_edit(gimp, steps=4))
    finally:
        hidden.rename(daemon.folder / "gateway.json")
    assert found["status"] == "execution-error"
    assert found["said"] == (
        "Retouch does not run on this machine. Fix: start it with `retouch serve`."
    )
    assert found["after"] == found["before"]
