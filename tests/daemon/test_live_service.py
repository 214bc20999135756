"""Live painting through a real daemon: the newest frame counts, and nothing is left behind."""

import io
import threading
import time

import grpc
import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.imaging.decode import read_image
from retouch.v1 import edit_service_pb2, live_pb2
from retouch_plugins.sdedit import SDEdit

LIVE = {
    "prompt": "a red house",
    "model": "retouch-mini-lcm",
    "operations": [SDEdit(strength=0.6)],
    "output": "composite",
}
SLOW = LIVE | {"model": "retouch-mini", "steps": 150}
OPEN = (edit_service_pb2.JOB_STATE_QUEUED, edit_service_pb2.JOB_STATE_RUNNING)


@pytest.fixture(scope="module")
def painting(served):
    with served.client("painting") as client:
        client.load_model("retouch-mini-lcm")
        yield client


@pytest.fixture
def canvas(house):
    return read_image(house)


def kind(response):
    return response.WhichOneof("output")


def pixels(data):
    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB")).astype(int)


def nothing_is_left(client):
    for _ in range(600):
        if not client.jobs():
            return True
        time.sleep(0.1)
    return False


def test_strokes_and_words_change_what_is_shown(painting, canvas):
    with painting.live(canvas, **LIVE) as live:
        results = {}
        for response in live:
            if kind(response) != "result":
                continue
            results[response.frame] = pixels(response.data)
            if len(results) == 1:
                stroke = np.broadcast_to(np.uint8([255, 255, 0]), (64, 64, 3))
                painted = live.paint(32, 32, stroke)
            elif len(results) == 2:
                live.change(prompt="a blue house", no_mask=True)
                live.finish()
        first, second, third = results.values()
    assert list(results) == [1, painted, 3]
    inside, difference = np.s_[40:88, 40:88], np.abs(second - first)
    assert difference[inside].mean() > 1.5 * difference[:16].mean() > 0
    assert np.abs(third - second).mean() > 2
    assert nothing_is_left(painting)


def test_a_newer_frame_takes_the_place_of_the_one_at_work(painting, canvas):
    with painting.live(canvas, **SLOW, show_every=0.0) as live:
        responses = iter(live)
        while kind(next(responses)) != "progress":
            pass
        for x in range(3):
            last = live.paint(x, 0, np.zeros((4, 4, 3), np.uint8))
        live.change(operations=[SDEdit(strength=0.1)])
        live.finish()
        seen = list(responses)
    ended = {r.frame for r in seen if kind(r) == "cancelled"}
    assert last in ended and 1 not in {r.frame for r in seen if kind(r) == "result"}
    assert [r.frame for r in seen if kind(r) == "result"] == [last + 1]
    assert nothing_is_left(painting)


def test_a_brush_that_never_rests_is_shown_something(painting, canvas):
    with painting.live(canvas, **LIVE, show_every=0.2) as live:
        resting = threading.Event()

        def paint():
            while not resting.wait(0.05):
                live.paint(8, 8, np.zeros((4, 4, 3), np.uint8))
            live.finish()

        brush = threading.Thread(target=paint)
        brush.start()
        shown = 0
        for response in live:
            shown += kind(response) == "result"
            if shown == 3:
                resting.set()
        brush.join()
    assert shown >= 3 and nothing_is_left(painting)


def test_a_frame_that_cannot_be_used_is_said_and_the_session_goes_on(painting, canvas):
    with painting.live(canvas, **LIVE) as live:
        answers = (response for response in live if kind(response) in ("failed", "result"))
        assert next(answers).frame == 1
        bad = live.paint(120, 120, np.zeros((64, 64, 3), np.uint8))
        failed = next(answers)
        assert (failed.frame, kind(failed)) == (bad, "failed")
        assert failed.failed.field_path == "change.dirty[0].rect" and failed.failed.fix
        refused = live.change(prompt="a naked child")
        live.change(prompt="a house")
        live.finish()
        assert next(answers).frame > refused
    assert nothing_is_left(painting)


def test_the_gate_reads_live_frames_too(painting, canvas):
    with painting.live(canvas, **LIVE | {"prompt": "a naked child"}) as live:
        live.finish()
        (blocked,) = (r for r in live if kind(r) == "blocked")
    assert blocked.frame == 1 and blocked.blocked.category


def test_a_client_that_goes_leaves_nothing_behind(painting, canvas):
    live = painting.live(canvas, **SLOW)
    responses = iter(live)
    while kind(next(responses)) != "progress":
        pass
    assert [job.state in OPEN for job in painting.jobs()] == [True]
    live.close()
    assert nothing_is_left(painting)


def test_a_change_without_a_beginning_is_said(painting):
    change = live_pb2.LiveRequest(frame=1, change=live_pb2.LiveChange(no_mask=True))
    call = painting._edits.Live(iter([change]), metadata=painting._metadata)
    (response,) = call
    assert response.failed.field_path == "content"


def test_live_jobs_go_before_all_others(served, painting, canvas, house):
    with served.client("batch") as batch:
        slow = {"prompt": "x", "operations": [SDEdit(strength=0.9)], "steps": 200}
        jobs = [batch.submit(batch.message(house, **slow, priority="batch")) for _ in range(9)]
        with painting.live(canvas, **LIVE) as live:
            live.finish()
            assert [r.frame for r in live if kind(r) == "result"] == [1]
        assert not any(job.state == edit_service_pb2.JOB_STATE_DONE for job in batch.jobs())
        assert len(batch.cancel(*jobs)) == 9


def test_without_the_token_there_is_no_session(painting):
    call = painting._edits.Live(iter([]), metadata=(("authorization", "Bearer wrong"),))
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
