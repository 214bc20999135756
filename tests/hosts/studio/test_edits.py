"""Every way to edit, in the real page, by the real daemon with the embedded model."""

import base64
import io
import json
from itertools import pairwise

import cv2
import numpy as np
import pytest
from behaviours import record
from PIL import Image
from studio_browser import HOST

pytestmark = [pytest.mark.host, pytest.mark.window]


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def released(studio, tmp_path):
    """The chosen variant's pixels, from the file that the person saves."""
    data, name = studio.download(tmp_path)
    assert studio.receipt() in name
    return pixels(data)


def changed(after, before):
    return np.abs(after - before).mean()


def test_fill_changes_the_selection_and_nothing_else(studio, tmp_path, house):
    before = pixels(house.read_bytes())
    studio.prompt("a green tree")
    studio.rectangle(16, 16, 64, 64)
    studio.mode("fill")
    studio.settings()
    assert studio.generate() == ""
    after = released(studio, tmp_path)
    inside = np.zeros(before.shape[:2], bool)
    inside[16:80, 16:80] = True
    assert (after[~inside] == before[~inside]).all()
    assert changed(after[inside], before[inside]) > 4
    record(HOST, "fill selection")


def test_expand_paints_what_is_new(studio, tmp_path, house):
    before = pixels(house.read_bytes())
    studio.mode("expand")
    studio.set_number("Right", 32)
    studio.click(".options .primary")
    studio.wait(script="() => document.querySelector('.document-name').textContent.includes('160')")
    studio.prompt("a house in the snow")
    studio.settings()
    assert studio.generate() == ""
    after = released(studio, tmp_path)
    assert after.shape == (128, 160, 3)
    assert (after[:, :120] == before[:, :120]).all(), "the old picture is kept"
    mirrored = before[:, :-33:-1]
    assert changed(after[:, 128:], mirrored) > 4
    record(HOST, "expand canvas")


def test_restyle_paints_the_picture_again(studio, tmp_path, house):
    studio.mode("restyle")
    studio.prompt("a red house at night")
    studio.settings()
    assert studio.generate() == ""
    assert changed(released(studio, tmp_path), pixels(house.read_bytes())) > 4
    record(HOST, "restyle")


def test_instruct_follows_an_instruction(studio, tmp_path, house):
    studio.mode("instruct")
    assert studio.text(".prompts .label") == "Instruction"
    studio.prompt("make it night")
    studio.settings()
    assert studio.generate() == ""
    assert changed(released(studio, tmp_path), pixels(house.read_bytes())) > 2
    record(HOST, "instruct")


def test_swap_needs_to_know_what_the_picture_shows(studio, tmp_path, house):
    studio.mode("swap")
    studio.prompt("a blue house")
    studio.settings()
    assert "What the picture shows now is empty" in studio.generate()
    studio.fill(selector="[data-operation=prompt_to_prompt] textarea", text="a red house")
    assert studio.generate() == ""
    assert changed(released(studio, tmp_path), pixels(house.read_bytes())) > 1
    record(HOST, "swap a word")


def test_a_reference_says_how_it_looks(studio, tmp_path, house):
    studio.mode("reference")
    field = "[data-operation=ip_adapter] input[type=file]"
    studio.files(selector=field, files=[str(house.with_name("star.png"))])
    studio.see("[data-operation=ip_adapter] figure img")
    studio.settings()
    assert studio.generate() == ""
    assert changed(released(studio, tmp_path), pixels(house.read_bytes())) > 2
    record(HOST, "reference")


def test_a_control_picture_says_where_things_are(studio, daemon, tmp_path, house):
    studio.mode("control")
    field = "[data-operation=t2i_adapter] input[type=file]"
    studio.files(selector=field, files=[str(house.with_name("cat.png"))])
    studio.see("[data-operation=t2i_adapter] figure img")
    studio.prompt("a cat")
    studio.settings()
    assert studio.generate() == ""
    assert changed(released(studio, tmp_path), pixels(house.read_bytes())) > 4
    record(HOST, "control")


def test_operations_combine_in_one_request(studio, daemon, tmp_path, house):
    before = pixels(house.read_bytes())
    studio.rectangle(0, 0, 128, 64)
    for operation in ("sdedit", "guidance", "t2i_adapter"):
        studio.switch(operation)
    studio.select(selector="[data-operation=t2i_adapter] select", value="color")
    studio.prompt("a house at night")
    studio.settings()
    assert studio.generate() == ""
    after = released(studio, tmp_path)
    assert (after[64:] == before[64:]).all()
    assert changed(after[:64], before[:64]) > 2
    job = daemon.call("EditService/ListJobs")["jobs"][-1]
    assert job["state"] == "JOB_STATE_DONE"


def test_variants_are_flipped_through(studio, tmp_path):
    studio.mode("restyle")
    studio.prompt("a house")
    studio.settings(count=3)
    assert studio.generate() == ""
    assert studio.tiles() == 4
    seen = []
    for _ in range(4):
        seen.append((studio.text(".strip-title strong"), studio.picture_seen()))
        studio.press(keys=".")
    assert [words for words, _ in seen] == ["Variant 1", "Variant 2", "Variant 3", ""]
    for one, other in pairwise(seen):
        assert changed(one[1].astype(int), other[1].astype(int)) > 1
    record(HOST, "variants")


def test_a_preview_comes_then_a_result_that_is_one_undo_step(studio, house):
    studio.press(keys="1")  # pixel by pixel, whatever else comes on the screen
    original = studio.picture_seen().astype(int)
    studio.set_number("Size", 40)
    studio.stroke((0.3, 0.3), (0.6, 0.3), (0.6, 0.6))
    studio.press(keys="m")
    assert changed(studio.picture_seen().astype(int), original) == 0
    mask = studio.js("() => document.querySelector('#picture').ariaLabel.split('Mask')[1]")
    studio.prompt("a green tree")
    studio.settings(steps=14)
    studio.generate(wait=False)
    studio.see(".tile[data-waiting] canvas")
    preview = studio.picture_seen().astype(int)
    assert changed(preview, original) > 0.5, "the preview is on the picture"
    assert studio.finished() == ""
    result = studio.picture_seen().astype(int)
    assert (result[-12:] == original[-12:]).all()
    studio.click("#keep")
    studio.wait(script="() => document.querySelectorAll('.tile').length === 0")
    assert changed(studio.picture_seen().astype(int), result) == 0
    assert studio.js("() => document.querySelector('#picture').ariaLabel.split('Mask')[1]") == mask
    studio.press(keys="Control+z")
    assert changed(studio.picture_seen().astype(int), original) == 0
    studio.press(keys="Control+Shift+z")
    assert changed(studio.picture_seen().astype(int), result) == 0
    record(HOST, "result as one layer")


def test_the_file_is_saved_as_the_gate_released_it(studio, daemon, tmp_path):
    studio.mode("restyle")
    studio.settings()
    assert studio.generate() == ""
    data, name = studio.download(tmp_path)
    assert name == f"house-{studio.receipt()}.png"
    studio.click("#verify")
    studio.see(".trust button[aria-expanded]")
    assert studio.text(".trust > span") == "Intact, signed here"
    said = daemon.call(
        "TrustService/Verify", {"picture": {"data": base64.b64encode(data).decode()}}
    )
    assert said["status"] == "TRUST_STATUS_TRUSTED" and said["intact"]
    assert studio.receipt() in json.dumps(said)


def test_sixteen_bits_stay_sixteen_bits(studio, tmp_path):
    ramp = np.linspace(0, 65535, 128 * 128 * 3).astype(np.uint16).reshape(128, 128, 3)
    file = tmp_path / "deep.png"
    cv2.imwrite(str(file), ramp)
    studio.open(file)
    studio.rectangle(0, 0, 64, 128)
    studio.mode("fill")
    studio.settings()
    assert studio.generate() == ""
    data, _ = studio.download(tmp_path)
    after = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert after.dtype == np.uint16
    assert (after[:, 64:] == ramp[:, 64:]).all()
