"""The dialog in GIMP's real windows, by keyboard: preview, result, one undo, redo, cancel."""

import time

import numpy as np
import pytest
from behaviours import record
from gimp_window import AT_WORK, opened

pytestmark = [pytest.mark.host, pytest.mark.window]

HOST = "GIMP 3"


def test_cancelled_then_edited_undone_and_redone_by_keyboard(gimp, screen, daemon):
    """One start of GIMP's windows, which is what takes the time."""
    with opened(gimp, screen, daemon) as window:
        before, known = window.told("before"), window.jobs()
        window.dialog()
        time.sleep(1.5)  # until it has asked the daemon
        window.write("a red house on a meadow")
        window.press("key", "alt+g")
        (cancelled,) = window.wait(lambda: set(window.jobs()) - set(known))
        window.press("key", "alt+n")
        window.wait(lambda: window.jobs()[cancelled] not in AT_WORK)
        assert window.jobs()[cancelled] == "JOB_STATE_CANCELLED"
        time.sleep(0.5)
        empty = window.picture().astype(int)
        window.press("key", "alt+g")
        window.finished([*known, cancelled])
        assert np.abs(window.picture() - empty).max() > 50
        window.press("key", "alt+c")
        edited = window.told("edited")
        assert edited["status"] == "success"
        assert edited["layers"][1:] == before["layers"] and len(edited["layers"]) == 2
        window.press("windowactivate", "--sync", window.image())
        window.press("key", "ctrl+z")
        undone = window.told("undone")
        window.press("key", "ctrl+y")
        redone = window.told("redone")
    assert undone["layers"] == before["layers"]
    # GIMP itself keeps the arguments of its last call in the image ("GimpProcedureConfigRun-...").
    assert "retouch-history" in edited["parasites"]
    assert "retouch-history" not in undone["parasites"]
    assert redone["layers"] == edited["layers"]
    record(HOST, "result as one layer")
