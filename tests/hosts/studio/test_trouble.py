"""Cancel, history, errors, and a daemon that goes and comes back."""

import uuid

import numpy as np
import pytest
from behaviours import record
from studio_browser import HOST

pytestmark = [pytest.mark.host, pytest.mark.window]


def another_job(daemon, house, steps):
    """A job of the studio's client that the page did not make."""
    edit = {
        "clientJobId": uuid.uuid4().hex,
        "canvas": {"source": {"sha256": daemon.store(house.read_bytes())}},
        "sampling": {"steps": steps},
        "operations": [{"sdedit": {"strength": 0.9}}],
        "output": {"delivery": "DELIVERY_COMPOSITED"},
    }
    return daemon.call("EditService/Submit", {"edit": edit})["job"]["jobId"]


def state_of(daemon, job_id):
    jobs = daemon.call("EditService/ListJobs")["jobs"]
    return next(job["state"] for job in jobs if job["jobId"] == job_id)


def test_cancel_stops_exactly_this_job(studio, daemon, house):
    studio.mode("restyle")
    studio.settings(steps=200)
    studio.generate(wait=False)
    studio.begun()
    other = another_job(daemon, house, steps=30)
    own = daemon.call("EditService/ListJobs")["jobs"][-2]["jobId"]
    studio.click("#cancel")
    assert studio.finished() == "", "to cancel is no error"
    assert state_of(daemon, own) == "JOB_STATE_CANCELLED"
    assert state_of(daemon, other) in ("JOB_STATE_QUEUED", "JOB_STATE_RUNNING", "JOB_STATE_DONE")
    assert studio.tiles() == 0
    studio.wait(script="() => document.querySelector('#announcements').textContent === 'Cancelled'")
    record(HOST, "cancel exactly this job")


def test_history_outlives_the_page_and_replays(studio, house):
    studio.press(keys="1")
    studio.mode("restyle")
    studio.prompt("a house to remember")
    studio.settings(count=2, seed=11)
    assert studio.generate() == ""
    first = studio.picture_seen().astype(int)
    studio.reload()
    studio.see(".studio")
    assert "#" not in studio.js("() => location.href")
    studio.open(house)
    studio.press(keys="1")
    studio.click("#tab-history")
    entry = ".history-entry:first-child"
    studio.see(f"{entry} img")
    assert studio.text(f"{entry} .history-title") == "a house to remember"
    studio.click(f"{entry} .history-picture")
    studio.see(".tile >> nth=2")
    assert (studio.picture_seen() == first).all(), "the very files are shown again"
    studio.click(f"{entry} >> text=Replay")
    studio.see("#cancel")
    assert studio.finished() == ""
    again = studio.picture_seen().astype(int)
    assert studio.tiles() == 3
    apart = np.abs(again - first).mean()
    studio.press(keys=".")
    other = np.abs(studio.picture_seen().astype(int) - first).mean()
    assert apart < 2.5 < other, "the same up to the mark, which has a number of its own"
    studio.click(f"{entry} >> text=Use settings")
    studio.see("#prompt")
    assert studio.value("#prompt") == "a house to remember"
    assert (
        studio.js("() => document.querySelector('[data-operation=sdedit] .switch').ariaChecked")
        == "true"
    )
    record(HOST, "history and replay")


def test_a_refusal_is_one_sentence(studio):
    studio.mode("restyle")
    studio.prompt("a nude child")
    studio.settings()
    said = studio.generate()
    assert said.startswith("Blocked by the prompt check") and said.count("\n") == 0
    assert studio.js("() => document.querySelector('.notice').role") == "alert"
    studio.prompt("a house")
    assert studio.generate() == "", "the next edit takes it away"


def test_a_failure_names_the_field_and_what_to_do(studio):
    studio.mode("restyle")
    studio.settings()
    studio.switch("sdedit", False)
    studio.switch("ip_adapter")
    said = studio.generate()
    assert said.startswith("Reference pictures is empty. Fix:"), said
    studio.switch("ip_adapter", False)
    studio.switch("t2i_adapter")
    studio.select(selector="[data-operation=t2i_adapter] select", value="depth")
    said = studio.generate()
    assert "depth" in said and said.count("Fix:") == 1, said


def test_a_file_that_is_no_picture_is_refused(studio, tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    studio.choose(selector=".bar .button.plain", files=[str(tmp_path / "notes.png")])
    studio.see(".notice[data-kind=error]")
    assert "notes.png is not a picture" in studio.error()
    assert "house.png" in studio.text(".document-name"), "what was open stays"


def test_a_daemon_that_dies_is_waited_for(studio, daemon):
    studio.mode("restyle")
    studio.prompt("a house")
    studio.settings(steps=60)
    studio.generate(wait=False)
    studio.begun()
    daemon.kill()
    studio.see(".lost", timeout=15000)
    studio.press(keys="i")
    assert studio.js("() => document.querySelector('#picture').ariaLabel").count("Mask 128 by 128")
    daemon.start().wait_until_ready()
    assert studio.finished() == ""
    assert studio.tiles() == 2, "the result came"
    studio.wait(script="() => !document.querySelector('.lost')", timeout=15000)
    studio.browser.said()  # what the browser says of refused connections
    record(HOST, "errors in one sentence")
