import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def pictures(tmp_path, own_home):
    rng = np.random.default_rng(0)
    for name in ("in.png", "reference.png"):
        values = rng.integers(0, 255, (96, 128, 3), np.uint8)
        Pillow.fromarray(values).save(tmp_path / name)
    return tmp_path


def run(name, *arguments):
    runpy.run_path(str(EXAMPLES / name))["main"](*map(str, arguments))


def test_edit_a_picture(pictures):
    out = pictures / "out.png"
    run("edit_a_picture.py", pictures / "in.png", out, "a red apple", "0.2")
    assert Pillow.open(out).size == (128, 96)


def test_combine_operations(pictures):
    out = pictures / "out.png"
    arguments = pictures / "in.png", pictures / "reference.png", out, "a red apple", "8,8,60,60"
    run("combine_operations.py", *arguments)
    before, after = (np.asarray(Pillow.open(p)) for p in (pictures / "in.png", out))
    assert (before[80:] == after[80:]).all()
    assert (before[8:68, 8:68] != after[8:68, 8:68]).any()
