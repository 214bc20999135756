"""Every example runs as it stands, and does what it says."""

import runpy
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

EXAMPLES = Path(__file__).parents[2] / "examples"
PICTURES = files("retouch") / "demo"
#: Example -> the picture it edits.
SHIPPED = {
    "guidance": "apple",
    "sdedit": "star",
    "prompt_to_prompt": "cat",
    "instruct_pix2pix": "house",
    "soft_mask": "apple",
    "ip_adapter": "apple",
    "t2i_adapter": "house",
    "best_of": "rocket",
    "combine_operations": "house",
}
MASKED = ("soft_mask", "ip_adapter", "combine_operations")


@pytest.fixture(autouse=True)
def _own_home(own_home):
    """Nothing but what ships is installed."""


def run(name, *arguments):
    runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](*map(str, arguments))


def pixels(path):
    return np.asarray(Pillow.open(path).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_edits_the_picture(name, tmp_path):
    out = tmp_path / "out.png"
    run(name, out)
    before, after = pixels(PICTURES / f"{SHIPPED[name]}.png"), pixels(out)
    changed = (before != after).any(-1)
    if name in MASKED:
        kept = np.asarray(Pillow.open(PICTURES / f"{SHIPPED[name]}-mask.png").convert("L")) == 0
        assert not changed[kept].any()
        changed = changed[~kept]
    # Much more than the watermark's few levels.
    assert changed.mean() > 0.5 and np.abs(before - after).max() > 64


def test_a_picture_of_your_own(tmp_path):
    picture, out = tmp_path / "in.png", tmp_path / "out.png"
    values = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    Pillow.fromarray(values).save(picture)
    run("edit_a_picture", picture, out, "a red apple", "0.2")
    assert Pillow.open(out).size == (128, 96)


def test_every_operation_has_an_example_and_all_are_short():
    from retouch.catalog import installed

    names = {path.stem for path in EXAMPLES.glob("*.py")} - {"gallery"}
    assert names == {*installed().operations, "combine_operations", "edit_a_picture"}
    assert set(SHIPPED) == names - {"edit_a_picture"}
    for name in names:
        assert len((EXAMPLES / f"{name}.py").read_text("utf-8").splitlines()) <= 40, name
