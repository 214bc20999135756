"""Every command of the README that edits or lists runs as written; edits only as a plan."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.replace("\\\n", "").splitlines()]
COMMANDS = [shlex.split(line, comments=True) for line in LINES]
EDITS = [words for words in COMMANDS if words[:2] == ["retouch", "edit"]]
LISTS = [["retouch", "operations"], ["retouch", "models", "list"]]


def retouch(words, folder):
    code = "from retouch.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("words", EDITS, ids=lambda words: words[4])
def test_edits_can_be_planned(words, tmp_path):
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "cat.png")
    Image.new("L", (256, 256), 255).save(tmp_path / "collar.png")
    done = retouch([word for word in words if word != "--plan"] + ["--plan"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "network calls" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat.png", "collar.png"]


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_lists_run(words, tmp_path):
    assert words in COMMANDS
    done = retouch(words, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_table_names_every_operation():
    listed = retouch(["retouch", "operations", "--json"], ROOT).stdout
    names = re.findall(r'"name": "(\w+)", "summary"', listed)
    table = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert sorted(table) == sorted(names)


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
