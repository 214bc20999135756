from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.catalog import installed
from retouch.cli.demo import PANELS, read_panels
from retouch.cli.main import run


def test_the_panels_show_every_operation_and_three_combinations():
    panels = read_panels()
    shown = [{op.split(":")[0] for op in panel.ops} for panel in panels]
    assert set().union(*shown) == set(installed().operations)
    six = {
        "sdedit",
        "instruct_pix2pix",
        "soft_mask",
        "prompt_to_prompt",
        "ip_adapter",
        "t2i_adapter",
    }
    assert six in shown
    assert sum(panel.title.startswith("Together") for panel in panels) >= 2


@pytest.mark.parametrize(
    "steps",
    [pytest.param(3, marks=pytest.mark.slow), pytest.param(None, marks=pytest.mark.endurance)],
    ids=["few steps", "as it is shipped"],
)
def test_the_demo_writes_a_sheet_and_changes_every_picture(own_home, tmp_path, monkeypatch, steps):
    shipped = [replace(panel, steps=panel.steps or steps) for panel in read_panels()]
    monkeypatch.setattr("retouch.cli.demo.read_panels", lambda: shipped)
    assert run(["demo", "-o", str(tmp_path)]) == 0
    assert Pillow.open(tmp_path / "contact-sheet.png").width > 1000
    panels = read_panels()
    results = sorted(tmp_path.glob("[0-9]*.png"))
    assert len(results) == len(panels) >= 9
    for panel, path in zip(panels, results, strict=True):
        before = np.asarray(Pillow.open(PANELS / panel.picture).convert("RGB")).astype(int)
        after = np.asarray(Pillow.open(path).convert("RGB")).astype(int)
        assert np.abs(before - after).mean() > 3, panel.title
        if panel.mask:
            outside = np.asarray(Pillow.open(PANELS / panel.mask).convert("L")) == 0
            assert (before[outside] == after[outside]).all(), panel.title


def test_the_colours_asked_for_are_there(own_home, tmp_path):
    """The embedded model recolours what it is told to: a red star where a yellow one was."""
    out = tmp_path / "out.png"
    star = PANELS / "star.png"
    arguments = ["edit", str(star), "-o", str(out), "--mask", str(PANELS / "star-mask.png")]
    instruct = ["--op", "instruct_pix2pix", "--prompt", "make it red"]
    assert run([*arguments, *instruct]) == 0
    before = np.asarray(Pillow.open(star).convert("RGB"))
    yellow = (before[..., 0] > 200) & (before[..., 2] < 100)
    red, green, blue = np.asarray(Pillow.open(out).convert("RGB"))[yellow].mean(0)
    assert red > 150
    assert red > 2 * green
    assert red > 2 * blue
