"""Every mode of the plugin through Krita's API (kritarunner), with a live daemon."""

import json

import numpy as np
import pytest
from behaviours import record
from click.testing import CliRunner

from retouch.cli.recipe import recipe

pytestmark = pytest.mark.host

HOST = "Krita"
RAMPS = [("u16", "<u2"), ("u16-linear", "<u2"), ("f16", "<f2"), ("f32", "<f4")]
SENT = {"UINT16": "<u2", "FLOAT16": "<f2", "FLOAT32": "<f4"}


def on_canvas(layer, size, kind="u1"):
    """A layer's pixels as an area of the whole canvas."""
    left, top, width, height = layer["place"]
    whole = np.zeros((size[1], size[0], 4), kind)
    pixels = np.frombuffer(bytes.fromhex(layer["pixels"]), kind).reshape(height, width, 4)
    right, bottom = min(left + width, size[0]), min(top + height, size[1])
    x, y = max(left, 0), max(top, 0)
    whole[y:bottom, x:right] = pixels[y - top : bottom - top, x - left : right - left]
    return whole


def shown(facts, kind="u1"):
    width, height = facts["size"]
    return np.frombuffer(bytes.fromhex(facts["shown"]), kind).reshape(height, width, 4)


def new_layer(found):
    """The one new layer, on top; everything else of the document as it was."""
    assert found["state"] == "done", found["message"]
    before, after = found["before"], found["after"]
    assert after["layers"][:-1] == before["layers"]
    assert {**after, "layers": [], "shown": ""} == {**before, "layers": [], "shown": ""}
    new = after["layers"][-1]
    assert not new["locked"] and new["visible"] and new["opacity"] == 255
    assert (new["depth"], new["profile"]) == tuple(before["form"][1:])
    assert len(found["receipts"]) == 1 and len(found["receipts"][0]) == 8
    return new


def test_fill_paints_the_soft_selection_and_nothing_else(modes):
    found = modes["fill"]
    pixels = on_canvas(new_layer(found), (128, 128))
    selection = np.frombuffer(bytes.fromhex(found["mask"]), "u1").reshape(128, 128)
    alpha = pixels[..., 3]
    assert not alpha[selection == 0].any(), "something outside the selection is painted"
    assert np.array_equal(alpha > 0, selection > 0)
    assert ((alpha > 20) & (alpha < 235)).sum() > 100, "the edge is hard"
    order = np.argsort(selection, axis=None, kind="stable")
    assert (np.diff(alpha.ravel()[order].astype(int)) >= 0).all(), "alpha does not follow it"
    before, after = shown(found["before"]), shown(found["after"])
    outside = alpha == 0
    assert np.array_equal(before[outside], after[outside])
    assert np.abs(before[selection == 255].astype(int) - after[selection == 255]).mean() > 2
    record(HOST, "fill selection")


def test_expand_grows_the_canvas_and_keeps_the_old_picture(modes):
    found = modes["expand"]
    assert found["state"] == "done", found["message"]
    assert found["after"]["size"] == [128 + 16 + 32, 128 + 16]
    before, after = shown(found["before"]), shown(found["after"])
    new = on_canvas(found["after"]["layers"][-1], (176, 144))
    inner = np.s_[0:112, 32:128]  # away from the soft seam, in the larger canvas
    assert not new[inner][..., 3].any()
    assert np.array_equal(after[inner], before[0:112, 16:112])
    assert (
        new[:, :16, 3].min() > 250 and new[:, 144:, 3].min() > 250 and new[128:, :, 3].min() > 250
    )
    assert np.ptp(new[128:, :, :3].astype(int)) > 20, "what is new is flat"
    record(HOST, "expand canvas")


@pytest.mark.parametrize(
    ("scene", "behaviour"),
    [
        ("restyle", "restyle"),
        ("instruct", "instruct"),
        ("swap", "swap a word"),
        ("reference", "reference"),
        ("control", "control"),
    ],
)
def test_the_other_modes_give_one_layer(modes, scene, behaviour):
    found = modes[scene]
    pixels = on_canvas(new_layer(found), (128, 128))
    assert pixels[..., 3].min() == 255
    changed = np.abs(shown(found["before"]).astype(int) - shown(found["after"])).mean()
    assert changed > 2, "nothing was painted"
    record(HOST, behaviour)


def test_operations_combine_inside_the_selection(modes):
    pixels = on_canvas(new_layer(modes["combine"]), (128, 128))
    assert pixels[60, 60, 3] == 255 and not pixels[0, 0, 3]


def test_variants_are_flipped_through_in_one_locked_layer(modes):
    found = modes["variants"]
    assert found["seeds"] == [5, 6, 7]
    assert all(layers == found["layers"][0] for layers in found["layers"])
    assert found["layers"][0][-1] == "[Retouch] an edit"
    assert [shown for shown, _ in found["shown"]] == [0, 1, 2, 0]
    pictures = [picture for _, picture in found["shown"]]
    assert len(set(pictures[:3])) == 3 and pictures[3] == pictures[0]
    assert not found["locked"]
    assert found["after"]["layers"][-1]["name"] == "an edit (5)"
    record(HOST, "variants")


def test_cancel_stops_exactly_this_job(modes):
    found = modes["cancel"]
    assert found["previewed"][-1] == "[Retouch] an edit" and found["locked"]
    assert found["first"]["state"] == "cancelled" and found["second"]["state"] == "done"
    assert found["jobs"] == ["JOB_STATE_CANCELLED"]
    assert found["after"] == found["before"]
    record(HOST, "cancel exactly this job")


def test_the_history_is_in_the_file_and_gives_the_same_again(modes):
    found = modes["replay"]
    (entry,) = found["entries"]
    assert entry["title"] in found["words"] and str(entry["seed"]) in found["words"]
    assert found["state"] == "done", found["message"]
    first = found["first"]["after"]["layers"][-1]
    again = found["after"]["layers"][-1]
    assert again["place"] == first["place"]
    size = found["after"]["size"]
    apart = on_canvas(first, size).astype(int) - on_canvas(again, size)
    assert np.abs(apart).max() <= 2  # engines share forwards: equal within rounding
    record(HOST, "history and replay")


def test_a_recipe_of_retouch_batch_is_filled_in_and_saved(modes, tmp_path):
    found = modes["recipe"]
    assert (found["state"], found["seeds"]) == ("done", [4]), found["message"]
    assert found["mode"] == "combine"
    new_layer(found)
    refused = found["refused"]
    assert refused["night.yaml"].endswith("`retouch recipe night.yaml > night.json` and open that.")
    assert refused["broken.json"].startswith("broken.json cannot be read as JSON")
    assert (
        "there is no file" in refused["elsewhere.json"] and "gone.png" in refused["elsewhere.json"]
    )
    assert "pictures or masks of layers" in refused["layers"]
    images = [
        each["ip_adapter"]["images"]
        for each in found["looks"]["operations"]
        if "ip_adapter" in each
    ]
    assert images in (["look.png"], [["look.png"]]), found["looks"]
    assert found["read_again"] == "a blue house"
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(found["saved"]))
    read = CliRunner().invoke(recipe, [str(saved)])
    assert read.exit_code == 0, read.output
    assert json.loads(read.output)["prompt"] == "a blue house"


def test_an_edit_that_krita_did_not_see_end_is_fetched_later(modes):
    found = modes["interrupted"]
    assert found["left"] == "[]" and found["nothing_left"]
    new_layer(found)
    assert found["fetched"] == found["whole"]


def test_errors_are_one_sentence_and_leave_the_document_alone(modes):
    found = modes["errors"]
    assert found["after"] == found["before"]
    for name in ("blocked", "number", "empty", "model"):
        state, sentence = found[name]
        assert state == "failed" and "\n" not in sentence and len(sentence) < 400, sentence
    assert found["blocked"][1].startswith("Blocked by the prompt check")
    assert found["number"][1] == "Strength: got 7; allowed: 0 to 1. Fix: choose one of these."
    assert "is empty. Fix:" in found["empty"][1]
    assert "no-such-model" in found["model"][1]
    assert "Convert Image Color Space" in found["model_kind"]
    assert "The document was closed. Fix: open it again." in found["model_kind"]


def test_a_document_that_is_closed_meanwhile_is_said(modes):
    found = modes["closed"]
    assert found["state"] == "done"
    assert found["message"].startswith("The document was closed. Fix:")


@pytest.mark.parametrize(("ramp", "kind"), RAMPS)
def test_depth_and_profile_are_kept(modes, ramp, kind):
    found = modes["deep"][ramp]
    assert found["before"]["form"] == found["after"]["form"]
    new = new_layer(found)
    before, after = shown(found["before"], kind), shown(found["after"], kind)
    alpha = on_canvas(new, found["after"]["size"], kind)[..., 3]
    outside = alpha == 0
    assert outside.any() and not outside.all()
    assert np.array_equal(before[outside], after[outside]), "pixels outside are not bit-identical"
    assert not np.array_equal(before[~outside], after[~outside])


@pytest.mark.parametrize(("ramp", "kind"), RAMPS)
def test_the_layer_has_every_bit_that_the_daemon_sent(modes, ramp, kind):
    found = modes["deep"][ramp]
    (left, top, width, height) = found["bounds"][0]
    sent = np.frombuffer(bytes.fromhex(found["sent"]), SENT[found["sent_type"]])
    sent = sent.reshape(height, width, 4).astype(kind)
    written = on_canvas(found["after"]["layers"][-1], found["after"]["size"], kind)
    written = written[top : top + height, left : left + width]
    seen = sent[..., 3] > 0
    assert np.array_equal(written[seen], sent[seen])
    assert not written[~seen][:, 3].any()


@pytest.mark.parametrize(("ramp", "kind"), [each for each in RAMPS if each[0] != "f16"])
def test_inside_at_least_twelve_bits_are_kept(modes, ramp, kind):
    """Half floats have eleven, and are left out."""
    found = modes["deep"][ramp]
    sent = np.frombuffer(bytes.fromhex(found["sent"]), SENT[found["sent_type"]]).reshape(-1, 4)
    values = sent[sent[:, 3] == sent[:, 3].max(), :3].astype(np.float64)
    levels = (values * (65535 if values.max() <= 2 else 1)).round().astype(np.int64)
    # Were anything on the way of fewer than 12 bits, most of the sixteen steps inside a level of
    # 12 bits would be empty.
    share = np.bincount(levels.ravel() % 16, minlength=16) / levels.size
    assert share.min() > 0.03, share
    assert all(len(np.unique(levels[:, channel])) > 1500 for channel in range(3))
