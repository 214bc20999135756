"""Edits through a real daemon and real gRPC: what arrives, what is refused, what is shown."""

import io
import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from retouch.client.failures import DaemonFailed
from retouch.errors import Blocked, Cancelled, InvalidField, InvalidImage, ModelError
from retouch.imaging.decode import read_image
from retouch.imaging.image import Mask
from retouch.models.library import Library
from retouch.request import EditRequest
from retouch.runner import Runner
from retouch.v1 import edit_pb2, edit_service_pb2, operation_pb2
from retouch_plugins.best_of import BestOf
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask
from retouch_plugins.t2i_adapter import T2IAdapter


def pixels(data):
    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB")).astype(int)


def message(client, picture, **changes):
    """A short edit as a message."""
    found = edit_pb2.EditRequest(
        client_job_id=uuid.uuid4().hex,
        canvas=edit_pb2.Canvas(source=client._uploads.image(picture)),
        prompt=edit_pb2.Prompt(text="a red house"),
        operations=[operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.6))],
        output=edit_pb2.Output(delivery=edit_pb2.DELIVERY_COMPOSITED),
    )
    found.sampling.steps = changes.pop("steps", 6)
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def kinds(events):
    return [event.WhichOneof("event") for event in events]


def test_an_edit_is_what_it_is_without_a_daemon(client, house):
    operations = (SDEdit(strength=0.6), T2IAdapter(kind="canny", scale=0.8))
    given = {"prompt": "a red house", "operations": operations, "steps": 8, "seed": 5}
    (found,) = client.edit(house, **given)
    request = EditRequest(image=read_image(house), **given)
    (expected,) = Runner(Library()).run(request)
    difference = np.abs(pixels(found.composite) - expected.composite.pixels.astype(int))
    assert difference.mean() < 4  # the marks carry different numbers
    before = read_image(house).pixels.astype(int)
    assert np.abs(pixels(found.composite) - before).mean() > 10


@pytest.fixture
def one_thread():
    """As the daemon of the tests: sums are added up in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("operations", [(SDEdit(strength=0.6),), (SDEdit(), BestOf(n=2))])
def test_it_is_so_to_the_last_bit(client, house, monkeypatch, one_thread, operations):
    """Decoded, pasted and marked in the gate's process: with the same number, the same picture."""
    given = {"prompt": "a red house", "operations": operations, "steps": 6, "output": "both"}
    (found,) = client.edit(house, seed=3, **given)
    monkeypatch.setattr("retouch.admitted.new_record", lambda: int(found.receipt, 16))
    (expected,) = Runner(Library()).run(EditRequest(image=read_image(house), seed=3, **given))
    assert found.seed == expected.seed
    assert (pixels(found.composite) == expected.composite.pixels).all()
    assert (pixels(found.patch) == expected.patch.pixels).all()


def test_what_arrives_is_marked_with_its_receipt_inside(client, house):
    (found,) = client.edit(house, prompt="a red house", operations=[SDEdit(strength=0.6)], steps=6)
    picture = Pillow.open(io.BytesIO(found.composite))
    receipt = json.loads(picture.info["retouch:receipt"])
    assert receipt["record"] == found.receipt


def test_outside_of_the_mask_every_pixel_stays(client, house):
    strength = np.zeros((128, 128), np.float32)
    strength[:, :64] = 1
    (found,) = client.edit(
        house, prompt="a tree", mask=Mask(strength), operations=[SoftMask()], steps=6, output="both"
    )
    before, after = read_image(house).pixels.astype(int), pixels(found.composite)
    assert (after[:, 70:] == before[:, 70:]).all()
    assert (after[:, :50] != before[:, :50]).any()
    assert found.bounds.x == 0 and found.bounds.width < 128
    assert Pillow.open(io.BytesIO(found.patch)).mode == "RGBA"


def test_edits_of_several_clients_run_side_by_side(served, house):
    def one(number):
        with served.client(f"client-{number % 3}") as client:
            operations = [SDEdit(strength=0.4 + 0.1 * number)]
            return client.edit(
                house, prompt="a red house", operations=operations, steps=6, seed=number
            )

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(one, range(6)))
    assert [result.seed for (result,) in found] == list(range(6))
    assert len({result.composite for (result,) in found}) == 6


def test_the_same_job_twice_is_one_job(client, house):
    asked = message(client, house)
    first = client.submit(asked)
    assert client.submit(asked) == first
    assert kinds(client.watch(first)).count("result") == 1
    assert client.submit(asked) == first  # also when it is over


def test_events_are_numbered_and_kept(client, house):
    job = client.submit(message(client, house))
    live = list(client.watch(job))
    assert [event.seq for event in live] == sorted({event.seq for event in live})
    assert kinds(live)[-2:] == ["result", "done"] and "progress" in kinds(live)
    again = list(client.watch(job))
    assert kinds(again) == ["phases", "result", "done"]
    last = live[-1].seq
    assert [event.seq for event in client.watch(job, from_seq=last)] == [last]
    assert list(client.watch(job, from_seq=last + 1)) == []


def test_previews_are_shown_on_the_way(client, house):
    asked = message(client, house, steps=12)
    asked.output.preview.every_steps = 2
    events = list(client.watch(client.submit(asked)))
    shown = [event.preview for event in events if event.WhichOneof("event") == "preview"]
    assert shown
    raw = shown[-1].image.raw
    data = client.fetch(shown[-1].image.sha256)
    assert len(data) == raw.size.width * raw.size.height * 4


def test_a_running_edit_is_cancelled(client, house):
    job = client.submit(message(client, house, steps=200))
    for event in client.watch(job):
        if event.WhichOneof("event") == "progress":
            assert client.cancel(job) == (job,)
            break
    *_, last = client.watch(job)
    assert last.cancelled.reason == "asked"
    assert 0 < last.cancelled.steps_done < last.cancelled.steps_done + last.cancelled.steps_left
    assert client.cancel(job) == ()
    with pytest.raises(Cancelled):
        client.results(job)


def test_a_caller_who_leaves_cancels_its_run(client, house):
    asked = edit_service_pb2.RunRequest(edit=message(client, house, steps=200))
    call = client._edits.Run(asked, metadata=client._metadata)
    for answer in call:
        if answer.event.WhichOneof("event") == "progress":
            job = answer.event.job_id
            call.cancel()
            break
    *_, last = client.watch(job)
    assert last.cancelled.reason == "disconnected"


def test_nothing_named_cancels_nothing(client, house):
    job = client.submit(message(client, house))
    assert client.cancel() == ()
    assert kinds(client.watch(job))[-1] == "done"


def test_a_time_limit_ends_a_job(client, house):
    asked = message(client, house, steps=200)
    asked.time_limit.FromMilliseconds(300)
    with pytest.raises(DaemonFailed, match="time limit") as caught:
        client.results(client.submit(asked))
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"steps": 9999}, InvalidField, "sampling.steps"),
        ({"model": "absent"}, ModelError, "not installed"),
        ({"image": b"no picture"}, InvalidImage, "canvas.source"),
        ({"variants": 99}, InvalidField, "output.count"),
    ],
)
def test_bad_input_is_one_clear_error(client, house, given, kind, words):
    given = {"image": house, "prompt": "a house"} | given
    with pytest.raises(kind, match=words):
        client.edit(given.pop("image"), **given)


def test_a_picture_that_was_not_uploaded_is_said_at_once(client, house):
    asked = message(client, house)
    asked.canvas.source.sha256 = "0f" * 32
    with pytest.raises(InvalidImage, match="upload"):
        client.submit(asked)


def test_the_gate_refuses_a_prompt(client, house):
    with pytest.raises(Blocked) as caught:
        client.edit(house, prompt="a naked child")
    assert caught.value.stage == "prompt"


def test_another_clients_jobs_are_not_seen(served, client, house):
    job = client.submit(message(client, house))
    with served.client("another") as other:
        with pytest.raises(InvalidField, match=job):
            list(other.watch(job))
        assert other.cancel(job) == ()
    assert kinds(client.watch(job))[-1] == "done"


def test_the_client_refuses_another_output_before_it_uploads(client, tmp_path):
    with pytest.raises(InvalidField, match=r"output.*composite"):
        client.edit(tmp_path / "absent.png", output="layer")
