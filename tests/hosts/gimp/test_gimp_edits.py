"""Every mode of the plug-in in the real GIMP 3, called as a batch script calls it."""

import numpy as np
import pytest
from behaviours import record

pytestmark = pytest.mark.host

HOST = "GIMP 3"


def rgba(facts, key="pixels", kind="u1", channels=4):
    width, height = facts["size"]
    return np.frombuffer(bytes.fromhex(facts[key]), kind).reshape(height, width, channels)


def mask_of(facts):
    width, height = facts["size"]
    return np.frombuffer(bytes.fromhex(facts["mask"]), "u1").reshape(height, width)


def on_canvas(facts, size):
    """The layer's mask as an area of the whole canvas."""
    (left, top), (width, height) = facts["offsets"], facts["size"]
    whole = np.zeros((size[1], size[0]), "u1")
    whole[top : top + height, left : left + width] = mask_of(facts)
    return whole


def check_one_layer(found):
    """A layer of ours on top, and nothing else of the document another."""
    assert found["status"] == "success", found["said"]
    before, after, new = found["before"], found["after"], found["new"]
    assert [each for each in after["layers"] if each[0] != new["name"]] == before["layers"]
    assert len(after["layers"]) == len(before["layers"]) + 1
    same = ("channels", "selection", "selected", "precision", "profile")
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert after["parasites"] == sorted({*before["parasites"], "retouch-history"})
    assert new["mode"] == "normal-legacy"
    assert new["provenance"]["receipt_id"] == found["receipts"]
    assert str(new["provenance"]["seed"]) == found["seeds"]
    assert np.ptp(rgba(new)[mask_of(new) > 0][:, :3].astype(int)) > 20, "the patch is flat"
    return new


def test_fill_paints_the_soft_selection(edits):
    found = edits["fill"]
    new = check_one_layer(found)
    selection = np.frombuffer(bytes.fromhex(found["selection"]), "u1").reshape(128, 128)
    mask = on_canvas(new, (128, 128))
    assert not mask[selection == 0].any(), "something outside the selection is seen"
    assert mask[selection > 250].min() == 255
    soft = mask[(mask > 0) & (mask < 255)]
    assert len(np.unique(soft)) > 20, "the mask has a hard edge"
    by_selection = mask.ravel()[np.argsort(selection.ravel(), kind="stable")].astype(int)
    assert np.diff(by_selection).min() >= -3, "less is seen where more was selected"
    record(HOST, "fill selection")


def test_nothing_but_one_layer_changes_and_pixels_outside_stay(edits):
    found = edits["fill"]
    new = check_one_layer(found)
    outside = on_canvas(new, (128, 128)) == 0
    before, after = (
        np.frombuffer(bytes.fromhex(found[key]), "u1").reshape(128, 128, 4)
        for key in ("shown_before", "shown_after")
    )
    assert np.array_equal(before[outside], after[outside])
    assert not np.array_equal(before[~outside], after[~outside])
    record(HOST, "result as one layer")


def test_expand_makes_the_canvas_larger_and_keeps_the_old_picture(edits):
    found = edits["expand"]
    assert found["status"] == "success", found["said"]
    assert found["after"]["size"] == [160, 144]
    new = found["new"]
    mask = on_canvas(new, (160, 144))
    assert not mask[:112, :120].any()
    assert mask[128:].min() > 250 and mask[:, 128:].min() > 250
    before = np.frombuffer(bytes.fromhex(found["shown_before"]), "u1").reshape(128, 128, 4)
    after = np.frombuffer(bytes.fromhex(found["shown_after"]), "u1").reshape(144, 160, 4)
    assert np.array_equal(before[:112, :112], after[:112, :112])
    assert found["after"]["layers"][1:] == found["before"]["layers"]
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
def test_the_other_modes_give_one_layer(edits, scene, behaviour):
    check_one_layer(edits[scene])
    record(HOST, behaviour)


def test_the_selected_layer_alone_gives_a_layer_just_above_it(edits):
    found = edits["restyle_layer"]
    new = check_one_layer(found)
    assert found["order"] == ["above", new["name"], found["before"]["layers"][1][0]]


def test_a_cut_out_layer_keeps_its_shape_and_its_place(edits):
    new = check_one_layer(edits["cut_out"])
    assert (new["offsets"], new["size"]) == ([-20, 50], [96, 96])
    mask = mask_of(new)
    assert not mask[30:60, 30:60].any()
    assert mask[:30].min() > 250


def test_operations_combine_and_each_has_its_procedure(edits):
    found = edits["combine"]
    new = check_one_layer(found)
    names = [
        each["custom"]["name"] if "custom" in each else next(iter(each))
        for each in new["provenance"]["effective"]["request"]["operations"]
    ]
    assert {"sdedit", "ip_adapter", "t2i_adapter", "soft_mask"} <= set(names), names
    assert found["alone"] == ["success", ""]


def test_variants_are_layers_of_a_group_of_which_one_is_seen(edits):
    found = edits["variants"]
    assert found["status"] == "success", found["said"]
    children = found["children"]
    assert [each["visible"] for each in children] == [True, False, False]
    assert found["seeds"] == "5, 6, 7"
    assert len({each["pixels"] for each in children}) == 3
    record(HOST, "variants")


def test_history_is_kept_in_the_document_and_replays(edits):
    found = edits["replay"]
    assert found["status"] == ["success"] * 3, found["said"]
    assert found["seeds"] == ["11", "11", "12"]
    first, again, other = (
        np.frombuffer(bytes.fromhex(found[key]), "u1").astype(int)
        for key in ("first", "again", "other")
    )
    assert np.abs(first - again).max() <= 2
    assert np.abs(first - other).max() > 20
    assert [each["seed"] for each in found["history"]] == ["12", "11", "11"]
    assert found["recipe"] == ["success", ""]
    record(HOST, "history and replay")


def test_errors_are_one_sentence_with_what_to_do(edits):
    found = edits["errors"]
    assert found["after"] == found["before"]
    told = {**found["told"], "indexed": found["indexed"]}
    for name, (status, words) in told.items():
        assert status in ("execution-error", "calling-error"), (name, status)
        assert 10 < len(words) < 400 and "\n" not in words and "Traceback" not in words, words
    assert "Blocked" in told["blocked"][1]
    for name in ("unknown", "empty", "sides", "recipe", "replay"):
        assert "Fix:" in told[name][1], told[name]
    record(HOST, "errors in one sentence")


def test_every_mode_and_operation_is_a_procedure_and_new_ones_become_one(edits):
    found = edits["new_operation"]
    assert found["status"] == "success", found.get("said")
    assert found["registered"] == found["known"]
    assert {"retouch-fill", "retouch-operation-best-of", "retouch-recipe"} <= set(found["known"])
    assert found["kept"] == [True, False]
    assert found["offered"] == ["retouch-operation-acme-tint"]
    assert found["combine"] == ["acme_tint.amount"]
