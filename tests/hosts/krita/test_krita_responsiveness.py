"""Krita's user interface is not held up by edits of a document of 4096 x 4096 pixels."""

import pytest

pytestmark = [pytest.mark.host, pytest.mark.window]


def test_the_user_interface_is_never_held_up(krita, daemon):
    found = krita.run_window("drive_measure")
    print(found)
    allowed = max(50.0, 4 * found["idle_ms"])  # a machine that is busy holds it up by itself
    for edit in ("selection_1024", "whole_4096"):
        gaps = {name: value for name, value in found[edit].items() if name.endswith("_ms")}
        assert set(gaps) == {"until_preview_ms", "until_result_ms", "keep_ms"}
        assert max(gaps.values()) < allowed, (edit, gaps)
