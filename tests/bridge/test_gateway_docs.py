"""What docs/bridge.md shows runs as written, with curl."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image as Pillow

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(
    r"^```sh\n(.*?)^```$", (ROOT / "docs/bridge.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="curl or jq absent: install them"
)


def run(bridged, folder, block):
    """Run a block as a person would, in a folder with a picture."""
    about = f"G=http://{bridged.gateway}\nT='Authorization: Bearer {bridged.token}'\n"
    block = block.replace("~/.local/share/retouch/daemon/token", str(bridged.folder / "token"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", about + block],
        cwd=folder, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_call(bridged, tmp_path):
    (block,) = (each for each in BLOCKS if "/v1/hello" in each)
    lines = [line for line in block.splitlines() if line.startswith("curl")]
    said = run(bridged, tmp_path, "\n".join(lines))
    assert '"product":"retouch"' in said and '"sdedit"' in said


def test_an_edit_from_a_shell(editing, tmp_path):
    shutil.copy(ROOT / "sdk/retouch/demo/house.png", tmp_path / "in.png")
    (block,) = (each for each in BLOCKS if "clientJobId" in each)
    few = '"sampling": {"steps": 3}, "prompt"'
    run(editing, tmp_path, block.replace('"prompt"', few))
    with Pillow.open(tmp_path / "out.png") as made, Pillow.open(tmp_path / "in.png") as given:
        assert made.size == given.size


def test_a_picture_by_the_facade(editing, tmp_path):
    (block,) = (each for each in BLOCKS if "txt2img" in each)
    run(editing, tmp_path, block.replace("512", "128").replace('"steps": 20', '"steps": 4'))
    with Pillow.open(tmp_path / "out.png") as made:
        assert made.size == (128, 128)
