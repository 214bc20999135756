"""Krita 5.2, which lets plugins make transparency masks; in the Debian 13 root."""

import numpy as np
import pytest
from gateway_daemon import Served
from test_krita_modes import new_layer, on_canvas, shown

pytestmark = [pytest.mark.host, pytest.mark.window]


@pytest.fixture(scope="module")
def newer_daemon(newer_krita):
    served = Served(newer_krita.daemon_folder, "krita").start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def modes(newer_krita, newer_daemon):
    names = ["fill", "variants", "interrupted"]
    found = newer_krita.run_script("drive_modes", scenes=names)
    assert "trouble" not in found, found["trouble"] + newer_krita.said()
    return found


@pytest.fixture(scope="module")
def window(newer_krita, newer_daemon):
    found = newer_krita.run_window("drive_window", scenes=["fill", "cancel"])
    assert "Traceback" not in newer_krita.said(), newer_krita.said()
    return found


def test_the_soft_selection_becomes_a_transparency_mask(modes):
    found = modes["fill"]
    new = new_layer(found)
    assert new["masks"] == ["transparencymask"]
    alpha = on_canvas(new, (128, 128))[..., 3]
    selection = np.frombuffer(bytes.fromhex(found["mask"]), "u1").reshape(128, 128)
    assert np.array_equal(alpha > 0, selection > 0)
    assert ((alpha > 20) & (alpha < 235)).sum() > 100, "the edge is hard"
    before, after = shown(found["before"]), shown(found["after"])
    assert np.array_equal(before[alpha == 0], after[alpha == 0])


def test_variants_are_flipped_through(modes):
    pictures = [picture for _, picture in modes["variants"]["shown"]]
    assert len(set(pictures[:3])) == 3 and pictures[3] == pictures[0]


def test_interrupted_edits_are_fetched(modes):
    assert modes["interrupted"]["fetched"] == modes["interrupted"]["whole"]


def test_layer_and_mask_are_one_undo_step(window):
    found = window["fill"]
    assert "trouble" not in found, found["trouble"]
    assert found["after"]["layers"][-1]["masks"] == ["transparencymask"]
    assert found["undone"] == found["before"] and found["redone"] == found["after"]
    assert found["undo_undone"] == found["undo_before"]
    cancelled = window["cancel"]
    assert cancelled["after"] == cancelled["before"]
    assert cancelled["undo_after"] == cancelled["undo_before"]
