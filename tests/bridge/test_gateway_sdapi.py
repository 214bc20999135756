"""The facade: what clients of ``/sdapi/v1`` send, and that the gate decides about all of it."""

import base64
import io
import json
import threading
import time

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.v1 import job_pb2
from retouch_bridge.gateway.daemon_calls import Caller
from retouch_bridge.gateway.refusals import Refused
from retouch_bridge.gateway.sdapi.edits import Choices, image_to_image, text_to_image
from retouch_bridge.gateway.sdapi.fields import Fields
from retouch_bridge.gateway.sdapi.jobs import Job


def posted(wire, path, body):
    headers = {"Content_Type": "application/json"}
    return wire.ask("POST", f"/sdapi/v1/{path}", json.dumps(body), **headers)


def pixels(text):
    return np.asarray(Pillow.open(io.BytesIO(base64.b64decode(text))).convert("RGB")).astype(int)


@pytest.fixture
def house(edit):
    from pathlib import Path

    file = Path(__file__).resolve().parents[2] / "sdk/retouch/demo/house.png"
    return base64.b64encode(file.read_bytes()).decode()


def test_a_picture_from_text_comes_through_the_gate(editing, wire):
    asked = {"prompt": "a red house", "steps": 4, "width": 128, "height": 96, "seed": 7}
    found = posted(wire, "txt2img", asked).json
    (image,) = found["images"]
    assert pixels(image).shape == (96, 128, 3)
    info = json.loads(found["info"])
    assert info["all_seeds"] == [7] and info["sampler_name"] and info["receipts"][0]
    assert found["parameters"] == asked
    file = {"picture": {"data": image}}
    assert wire.call("TrustService/Verify", file).json["ours"] is True


def test_text_to_image_does_not_see_its_canvas(wire, edit):
    """The canvas only says how large: from black and from white the model makes the same."""
    made = []
    for value in (0, 255):
        stored = wire.ask("POST", "/v1/blobs", bytes([value]) * (3 * 64 * 64)).json["sha256"]
        raw = {
            "size": {"width": 64, "height": 64},
            "channelOrder": "CHANNEL_ORDER_RGB",
            "sampleType": "SAMPLE_TYPE_UINT8",
        }
        request = edit(
            wire, operations=[{"guidance": {}}], canvas={"source": {"sha256": stored, "raw": raw}}
        )
        frames = list(wire.frames("EditService/Run", {"edit": request}))
        result = next(f[1]["event"]["result"] for f in frames if "result" in f[1].get("event", {}))
        digest = result["composited"]["sha256"]
        made.append(pixels(base64.b64encode(wire.ask("GET", f"/v1/blobs/{digest}").body)))
    assert np.abs(made[0] - made[1]).mean() < 4, "the marks carry different numbers"
    assert made[0].std() > 10


def test_a_picture_is_redrawn_and_outside_the_mask_it_is_kept(wire, house):
    before = pixels(house)
    mask = np.zeros(before.shape[:2], np.uint8)
    mask[:, : mask.shape[1] // 2] = 255
    written = io.BytesIO()
    Pillow.fromarray(mask).save(written, "PNG")
    asked = {
        "init_images": ["data:image/png;base64," + house], "prompt": "a blue house", "steps": 4,
        "denoising_strength": 0.8, "mask": base64.b64encode(written.getvalue()).decode(),
        "sampler_name": "DDIM", "batch_size": 2, "seed": 3,
    }  # fmt: skip
    found = posted(wire, "img2img", asked).json
    assert len(found["images"]) == 2
    assert json.loads(found["info"])["all_seeds"] == [3, 4]
    for image in found["images"]:
        after = pixels(image)
        assert after.shape == before.shape
        right = before.shape[1] // 2
        assert np.array_equal(after[:, right:], before[:, right:])
        assert np.abs(after[:, :right] - before[:, :right]).mean() > 5
    assert "init_images" not in found["parameters"] and "mask" not in found["parameters"]


def test_what_the_gate_refuses_is_refused_here(editing, wire):
    found = posted(wire, "txt2img", {"prompt": "a naked child", "width": 64, "height": 64})
    assert found.status == 403 and found.json["error"] == "permission_denied"
    assert found.json["details"][0]["type"] == "retouch.v1.Blocked" and found.json["errors"]


def test_progress_and_interrupt(editing, wire):
    asked = {"prompt": "a red house", "steps": 200, "width": 64, "height": 64}
    idle = wire.ask("GET", "/sdapi/v1/progress").json
    assert idle["progress"] == 0 and idle["state"]["job_count"] == 0
    done = []
    other = type(wire)(wire.address, wire.token)
    thread = threading.Thread(target=lambda: done.append(posted(other, "txt2img", asked)))
    thread.start()
    ends = time.monotonic() + 120
    while not (now := wire.ask("GET", "/sdapi/v1/progress").json)["progress"]:
        assert time.monotonic() < ends and thread.is_alive()
        time.sleep(0.05)
    assert 0 < now["progress"] < 1 and now["state"]["sampling_steps"] >= 200
    assert posted(wire, "interrupt", {}).status == 200
    thread.join(120)
    assert done[0].status == 200 and done[0].json["images"] == []
    assert json.loads(done[0].json["info"])["interrupted"] is True
    other.close()


def test_whoever_leaves_a_picture_cancels_it(wire, wire_of, bridged):
    wire = wire_of(bridged.gateway, bridged.token, "leaving")
    leaver = type(wire)(wire.address, wire.token, "leaving")
    body = json.dumps({"prompt": "a house", "steps": 200, "width": 64, "height": 64})
    headers = leaver.headers(Content_Type="application/json")
    leaver.connection.request("POST", "/sdapi/v1/txt2img", body, headers)
    ends = time.monotonic() + 120
    while not wire.ask("GET", "/sdapi/v1/progress").json["state"]["job"]:
        assert time.monotonic() < ends
    leaver.close()
    while wire.call("EditService/ListJobs").json["jobs"][-1]["state"] != "JOB_STATE_CANCELLED":
        assert time.monotonic() < ends


def test_models_samplers_and_options(editing, wire):
    models = wire.ask("GET", "/sdapi/v1/sd-models").json
    assert "retouch-mini" in {each["model_name"] for each in models}
    samplers = {each["name"]: each for each in wire.ask("GET", "/sdapi/v1/samplers").json}
    assert samplers["dpmpp_2m"]["aliases"][0] == "DPM++ 2M"
    said = posted(wire, "options", {"sd_model_checkpoint": "retouch-mini-lcm", "CLIP_skip": 2})
    assert said.json == {"ignored": ["CLIP_skip"]}
    assert wire.ask("GET", "/sdapi/v1/options").json["sd_model_checkpoint"] == "retouch-mini-lcm"
    posted(wire, "options", {"sd_model_checkpoint": "retouch-mini"})
    for path in ("cmd-flags", "loras", "upscalers", "schedulers", "embeddings"):
        assert wire.ask("GET", f"/sdapi/v1/{path}").status == 200


def test_a_password_may_be_the_token(bridged, wire_of):
    wire = wire_of(bridged.gateway, None, "")
    shown = base64.b64encode(f"me:{bridged.token}".encode()).decode()
    found = wire.ask("GET", "/sdapi/v1/progress", Authorization=f"Basic {shown}")
    assert found.status == 200
    elsewhere = wire.ask("GET", "/status.json", Authorization=f"Basic {shown}")
    assert elsewhere.status == 401, "clients of the facade alone"
    wrong = base64.b64encode(b"me:wrong").decode()
    assert wire.ask("GET", "/sdapi/v1/progress", Authorization=f"Basic {wrong}").status == 401


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"steps": 0}, "steps"), ({"steps": "many"}, "steps"), ({"cfg_scale": 51}, "cfg_scale"),
        ({"seed": 1.5}, "seed"), ({"width": 5000}, "width"), ({"prompt": 3}, "prompt"),
        ({"batch_size": 4, "n_iter": 5}, "batch_size"), ({"enable_hr": True}, "enable_hr"),
        ({"alwayson_scripts": {"controlnet": {}}}, "alwayson_scripts"),
        ({"override_settings": []}, None), ({"override_settings": [1]}, "override_settings"),
        ({"init_images": []}, "init_images"), ({"init_images": ["!"]}, "init_images[0]"),
        ({"init_images": [5]}, "init_images[0]"), ({"denoising_strength": 2}, "denoising_strength"),
        ({"mask": "###"}, "mask"),
    ],
)  # fmt: skip
def test_bad_fields_are_named(changes, field):
    given = {"init_images": [base64.b64encode(b"picture").decode()]} | changes
    if field is None:
        assert image_to_image(Fields(given), Choices(), []).edit.model == "retouch-mini"
        return
    with pytest.raises(Refused, match="Fix: ") as refused:
        image_to_image(Fields(given), Choices(), [])
    assert refused.value.words.startswith(f"{field}: ")


def test_names_of_samplers_seeds_and_models():
    fields = Fields({"sampler_name": "Euler a", "override_settings": {"sd_model_checkpoint": "x"}})
    edit = text_to_image(fields, Choices(), []).edit
    assert edit.sampling.sampler == "euler_ancestral" and edit.model == "x"
    assert edit.sampling.seed_mode and not edit.sampling.seeds
    again = text_to_image(Fields({"sampler_name": "heun", "seed": 5}), Choices(), []).edit
    assert again.sampling.sampler == "heun" and list(again.sampling.seeds) == [5]


def test_progress_never_falls():
    job, shares = Job(Caller("x")), []
    job.take(job_pb2.JobEvent(phases={"phases": [{"share": 0.2}, {"share": 0.8}]}))
    for phase, step in ((0, 1), (0, 2), (1, 1), (0, 1), (1, 4)):
        progress = {"phase": phase, "step": step, "of_steps": 4}
        job.take(job_pb2.JobEvent(progress=progress))
        shares.append(job.share)
    assert shares == pytest.approx([0.05, 0.1, 0.4, 0.4, 1.0])
