"""Krita itself under an X server: the docker is clicked, looked at, and undone."""

import numpy as np
import pytest
from behaviours import record
from PIL import Image

pytestmark = [pytest.mark.host, pytest.mark.window]

HOST = "Krita"
SCENES = [
    *("fill", "cancel", "paint_between", "expand", "restyle_layer", "discard", "again"),
    *("blocked", "actions", "daemon_away"),
]


@pytest.fixture(scope="module")
def seen(krita, daemon):
    """What every scene has found, in one run of Krita; the last one restarts the daemon."""
    found = krita.run_window(
        "drive_window", obey=daemon.obey, scenes=SCENES, blocked="a nude child"
    )
    assert "Traceback" not in krita.said(), krita.said()
    return found


def of(seen, scene):
    assert scene in seen, f"Krita ended before the scene {scene}"
    assert "trouble" not in seen[scene], seen[scene]["trouble"]
    return seen[scene]


def names(facts):
    return [layer["name"] for layer in facts["layers"]]


def test_a_click_shows_progress_a_locked_preview_and_a_result(seen):
    found = of(seen, "fill")
    assert found["click_seconds"] < 0.5, "the click waits for something"
    assert len(found["progress"]) > 3 and max(found["progress"]) > 900
    assert any(words.startswith("Painting") for words in found["words"])
    assert found["preview_locked"]
    assert found["preview_active"] == "Background", "the pen has lost its layer"
    assert found["place"] == "1 of 2" and found["flipped"]
    assert found["kept"] == [*names(found["before"]), "a red house on a meadow (8)"]
    assert found["history"] == 1
    for shot in ("preview_shot", "result_shot"):
        with Image.open(found[shot]) as picture:
            assert picture.size == (1440, 900)
            assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 1000


def test_one_undo_removes_it_and_one_redo_brings_it_back(seen):
    found = of(seen, "fill")
    before, after = found["before"], found["after"]
    assert found["undo_kept"] != found["undo_before"]
    assert found["undone"] == before
    assert found["undo_undone"] == found["undo_before"], "something else can still be undone"
    assert found["redone"] == after
    assert after["layers"][:-1] == before["layers"] and after["selection"] == before["selection"]
    record(HOST, "result as one layer")


def test_cancel_leaves_no_trace_to_undo(seen):
    found = of(seen, "cancel")
    assert found["after"] == found["before"]
    assert found["undo_after"] == found["undo_before"]
    assert found["message"] == "Cancelled; the document is as it was."
    assert of(seen, "paint_between")["names"] == ["Background", "Paint Layer 1"]


def test_expanding_is_undone_in_two_steps_and_discarding_leaves_nothing(seen):
    found = of(seen, "expand")
    assert found["after"]["size"] == [352, 256]
    assert found["undone"] == found["before"] and found["undos"] == 2
    found = of(seen, "discard")
    assert found["after"] == found["before"]
    assert found["undo_after"] == "Undo"


def test_the_whole_layer_is_what_lies_on_the_canvas(seen):
    found = of(seen, "restyle_layer")
    assert found["after"]["layers"][:-1] == found["before"]["layers"]
    assert found["after"]["layers"][-1]["place"] == [176, 120, 80, 136]
    assert found["active"] == found["after"]["layers"][-1]["name"]


def test_the_history_of_a_document_runs_again(seen):
    found = of(seen, "again")
    assert found["message"] == ""
    assert found["empty"] == 0 and found["history"] == 2
    assert found["apart"] <= 2


def test_blocked_is_one_sentence_in_the_panel(seen):
    found = of(seen, "blocked")
    assert found["after"] == found["before"]
    assert found["message"].startswith("Blocked by the prompt check")


def test_actions_do_what_the_buttons_do(seen):
    found = of(seen, "actions")
    assert found["texts"][0] == "Retouch: Generate" and found["running"]
    assert len(found["names"]) == 2 and found["names"][1].startswith("a blue house (")


def test_an_edit_survives_the_daemon(seen):
    found = of(seen, "daemon_away")
    assert found["names"][1].startswith("a blue house (")
    assert not found["message"]
    record(HOST, "errors in one sentence")
