"""Every command of the README that edits or lists runs as written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from retouch.cli.main import run

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
def test_edits_run_as_written(words, tmp_path, own_home, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cat.png", "style.png"):
        Image.linear_gradient("L").convert("RGB").resize((128, 128)).save(name)
    Image.new("L", (128, 128), 255).save("collar.png")
    given = {"cat.png", "style.png", "collar.png"}
    assert run(words[1:]) == 0
    written = {path.name for path in tmp_path.glob("*.png")} - given
    assert written == (set() if "--plan" in words else {words[4]})


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
