"""Every way to edit, by the panel's real code, with the real daemon and the embedded model."""

import base64

import numpy as np
import pytest
from behaviours import record
from photoshop_shim import HOST
from PIL import Image

pytestmark = [pytest.mark.host, pytest.mark.window]


def soft_selection(height=128, width=128, border=30):
    """A rectangle whose edge fades over some pixels."""
    y, x = np.mgrid[:height, :width]
    inside = np.minimum.reduce([x - 24, 104 - x, y - 24, 104 - y])
    return np.clip(inside * 255 / border, 0, 255).astype(np.uint8)


def changed(after, before):
    return np.abs(after[..., :3].astype(float) - before[..., :3]).mean()


def layers(document):
    return [each["name"] for each in document.state()["layers"]]


def test_fill_changes_the_selection_and_nothing_else(photoshop, house):
    document = photoshop.open(house)
    mask = np.zeros((128, 128), np.uint8)
    mask[16:80, 16:80] = 255
    document.select(mask)
    photoshop.mode("Fill selection")
    photoshop.fill("prompt", "a green tree")
    photoshop.settings()
    assert photoshop.generate().startswith("Placed as a new layer")
    after = document.shown()
    assert (after[mask == 0][:, :3] == house[mask == 0]).all()
    assert changed(after[mask == 255], house[mask == 255]) > 4
    record(HOST, "fill selection")


def test_expand_is_one_undo_step(photoshop, house):
    document = photoshop.open(house)
    before = document.state()
    photoshop.mode("Expand canvas")
    photoshop.settings()
    assert "Expand by 0, 0, 0, 0 pixels is not possible. Fix:" in photoshop.generate()
    photoshop.fill("prompt", "a house in the snow")
    for side, pixels in (("left", 16), ("right", 32), ("bottom", 8)):
        photoshop.fill(f"expand.{side}", pixels)
    assert photoshop.generate().startswith("Placed")
    after = document.state()
    assert after["shown"].shape == (136, 176, 4)
    kept = after["shown"][:100, 40:120, :3]
    assert (kept == house[:100, 24:104]).all(), "the old picture is where it was"
    assert changed(after["shown"][:128, :14], np.full((128, 14, 3), 255)) > 4, "not the paper"
    assert len(after["history"]) == len(before["history"]) + 1
    document.do("undo")
    undone = document.state()
    assert undone["shown"].shape == (128, 128, 4) and len(undone["layers"]) == 1
    record(HOST, "expand canvas")


def test_restyle_without_a_selection_means_the_active_layer(photoshop, house):
    document = photoshop.open(house)
    top = document.add_layer("patch", house[:64, :64][::-1], x=32, y=32)
    document.do("activate", layers=[top])
    before = document.shown()
    photoshop.mode("Restyle")
    photoshop.fill("prompt", "a red house at night")
    photoshop.settings()
    assert photoshop.generate().startswith("Placed")
    after = document.shown()
    outside = np.ones((128, 128), bool)
    outside[32:96, 32:96] = False
    assert (after[outside] == before[outside]).all()
    assert changed(after[~outside], before[~outside]) > 4
    record(HOST, "restyle")


def test_instruct_follows_an_instruction(photoshop, house):
    document = photoshop.open(house)
    photoshop.mode("Instruct")
    assert photoshop.text("[data-key=prompt] .label") == "Instruction"
    photoshop.fill("prompt", "make it night")
    photoshop.settings()
    assert photoshop.generate().startswith("Placed")
    assert changed(document.shown(), house) > 2
    record(HOST, "instruct")


def test_swap_needs_to_know_what_the_picture_shows(photoshop, house):
    document = photoshop.open(house)
    photoshop.mode("Swap a word")
    photoshop.fill("prompt", "a blue house")
    photoshop.settings()
    assert "What the picture shows now is empty. Fix:" in photoshop.generate()
    photoshop.fill("prompt_to_prompt.source_prompt", "a red house")
    assert photoshop.generate().startswith("Placed")
    assert changed(document.shown(), house) > 1
    record(HOST, "swap a word")


def test_a_layer_and_a_file_say_how_it_looks(photoshop, house, pictures):
    document = photoshop.open(house)
    document.add_layer(
        "stripes", np.tile(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8), (64, 32, 1))
    )
    photoshop.mode("Reference picture")
    photoshop.settings()
    assert "Reference pictures is empty. Fix: choose a layer or a file." in photoshop.generate()
    photoshop.choose("ip_adapter.images", "Layer: stripes")
    star = base64.b64encode((pictures / "star.png").read_bytes()).decode()
    photoshop.shim("offerFile", name="star.png", data=star)
    photoshop.choose("ip_adapter.images", "File …")
    photoshop.wait("() => document.querySelectorAll('.chosen .line').length === 2")
    assert photoshop.generate().startswith("Placed")
    assert changed(document.shown(), house) > 2
    record(HOST, "reference")


def test_a_control_layer_says_where_things_are(photoshop, house, pictures):
    cat = np.asarray(Image.open(pictures / "cat.png").convert("RGB"))
    document = photoshop.open(house)
    document.add_layer("cat", cat)
    photoshop.mode("Control picture")
    photoshop.choose("t2i_adapter.image", "Layer: cat")
    photoshop.fill("prompt", "a cat")
    photoshop.settings()
    assert photoshop.generate().startswith("Placed")
    assert changed(document.shown(), cat) > 4
    record(HOST, "control")


def test_operations_combine_in_one_request(photoshop, served, house):
    document = photoshop.open(house)
    mask = np.zeros((128, 128), np.uint8)
    mask[:64] = 255
    document.select(mask)
    photoshop.mode("Combine")
    assert photoshop.shows("[data-key='sdedit.strength']") is False, "not chosen yet"
    for operation in ("sdedit", "guidance", "t2i_adapter"):
        photoshop.operation(operation)
    photoshop.choose("t2i_adapter.kind", "color")
    photoshop.fill("prompt", "a house at night")
    photoshop.settings()
    assert photoshop.generate().startswith("Placed")
    after = document.shown()
    assert (after[64:, :, :3] == house[64:]).all()
    assert changed(after[:64], house[:64]) > 2


def test_variants_are_flipped_through_until_one_is_placed(photoshop, house):
    document = photoshop.open(house)
    photoshop.mode("Restyle")
    photoshop.fill("prompt", "a house")
    photoshop.settings(variants=3)
    photoshop.generate(wait=False)
    photoshop.wait_for(".generate")
    photoshop.wait("() => document.querySelector('.place').textContent === '1 of 3'")
    assert layers(document) == ["Background"], "nothing is placed before one is chosen"
    seen = []
    for number in (1, 2, 3):
        assert photoshop.text(".place") == f"{number} of 3"
        seen.append(photoshop.image())
        photoshop.click(".next")
    assert photoshop.text(".place") == "1 of 3" and len(set(seen)) == 3
    photoshop.click(".next")
    photoshop.click(".place-button")
    photoshop.wait(
        "() => document.querySelector('.outcome .message').textContent.startsWith('Placed')"
    )
    assert len(layers(document)) == 2
    photoshop.click(".discard")
    assert not photoshop.shows(".choosing") and len(layers(document)) == 2
    record(HOST, "variants")


def test_a_preview_then_one_layer_with_a_soft_mask_in_one_undo_step(photoshop, house):
    document = photoshop.open(house)
    top = document.add_layer("notes", np.full((8, 8, 3), 200, np.uint8), x=4, y=4)
    document.do("activate", layers=[top])
    document.select(soft_selection())
    before = document.state()
    photoshop.mode("Fill selection")
    photoshop.fill("prompt", "a green tree")
    photoshop.settings(steps=14)
    photoshop.generate(wait=False)
    photoshop.wait("() => document.querySelector('.picture').src.startsWith('data:image/jpeg')")
    assert photoshop.shows(".progress") and photoshop.shows(".cancel")
    preview = photoshop.image()
    assert photoshop.finished().startswith("Placed")
    assert photoshop.image() != preview
    after = document.state()
    made, *others = after["layers"]
    assert len(after["history"]) == len(before["history"]) + 1
    assert after["history"][-1] == made["name"] == "a green tree (7)"
    for one, other in zip(others, before["layers"], strict=True):
        assert (one["pixels"]["data"] == other["pixels"]["data"]).all() and one["mask"] is None
    assert after["active"] == before["active"] and after["selection"] == before["selection"]
    mask = made["mask"]
    assert mask["outside"] == 0 and len(np.unique(mask["data"])) > 8, "its edge is soft"
    whole = np.zeros((128, 128), np.uint8)
    whole[mask["y"] :, mask["x"] :][: mask["height"], : mask["width"]] = mask["data"]
    assert (whole[soft_selection() == 0] == 0).all()
    assert (whole[54:74, 54:74] == 255).all()
    assert (after["shown"][whole == 0] == before["shown"][whole == 0]).all()
    assert (made["pixels"]["data"][..., 3] == 255).all(), "the mask alone says what is seen"
    document.do("undo")
    assert (document.shown() == before["shown"]).all() and len(document.state()["layers"]) == 2
    document.do("redo")
    assert (document.shown() == after["shown"]).all()
    modals = photoshop.shim("log")["modals"]
    assert [each["name"] for each in modals] == [
        "Retouch: read the picture",
        "Retouch: place the result",
    ]
    assert max(each["ms"] for each in modals) < 2000, "Photoshop shows no progress dialog"
    record(HOST, "result as one layer")


def test_history_fills_in_and_runs_again(photoshop, house):
    document = photoshop.open(house, path="/home/me/remembered.psd")
    photoshop.mode("Restyle")
    photoshop.fill("prompt", "a house to remember")
    photoshop.fill("sdedit.strength", 0.55)
    photoshop.settings(seed=11)
    photoshop.generate()
    first = document.state()["layers"][0]["pixels"]["data"].astype(int)
    document.do("undo")
    photoshop.mode("Fill selection")
    photoshop.fill("prompt", "something else")
    assert photoshop.text(".entry .entry-words").endswith("a house to remember (11)")
    photoshop.click(".entry .use")
    assert photoshop.js("() => document.querySelector('.mode').selectedIndex") == 2
    assert photoshop.js(VALUE, "prompt") == "a house to remember"
    assert photoshop.js(VALUE, "sdedit.strength") == "0.55"
    photoshop.click(".entry .again")
    photoshop.wait_for(".cancel")
    assert photoshop.finished().startswith("Placed")
    again = document.state()["layers"][0]["pixels"]["data"].astype(int)
    assert np.abs(again - first).mean() < 2.5, "the same up to the number in the mark"
    assert photoshop.js("() => document.querySelectorAll('.entry').length") == 2
    record(HOST, "history and replay")


VALUE = """(key) => document.querySelector(
  `[data-key='${key}'] sp-textarea, [data-key='${key}'] sp-textfield`).value"""
