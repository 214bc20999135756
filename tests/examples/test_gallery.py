"""The gallery's commands are commands, and its page shows what it names."""

import re
import runpy
from pathlib import Path

import pytest
from PIL import Image as Pillow

from retouch.catalog import installed
from retouch.cli.edit import edit, make_request
from retouch.plan import make_plan

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gallery.md"
GALLERY = runpy.run_path(str(ROOT / "examples" / "gallery.py"))
ENTRIES = {entry.slug: entry for entry in GALLERY["entries"]()}


@pytest.fixture(autouse=True)
def _own_home(own_home):
    """Nothing but what ships is installed."""


@pytest.mark.parametrize("name", ENTRIES)
def test_every_command_can_run(name):
    entry = ENTRIES[name]
    if entry not in GALLERY["available"]():
        pytest.skip(f"needs {', '.join(entry.needs)}")
    with GALLERY["shipped_pictures"]():
        for command in entry.commands:
            words = GALLERY["words"](command)
            assert words[:2] == ["retouch", "edit"]
            assert words[3:5] == ["-o", "out.png"]
            context = edit.make_context("edit", words[2:])
            picture, ops = context.params.pop("picture"), context.params.pop("ops")
            assert make_plan(make_request(picture, ops, context.params), installed()).calls > 0


def test_titles_differ_and_every_operation_is_shown():
    assert len({entry.slug for entry in GALLERY["entries"]()}) == len(GALLERY["entries"]())
    text = " ".join(command for entry in ENTRIES.values() for command in entry.commands)
    for name in installed().operations:
        assert f"--op {name}" in text or f"--op '{name}" in text, name


def test_the_page_shows_what_is_there():
    if not PAGE.is_file():
        pytest.skip("not made yet")
    text = PAGE.read_text("utf-8")
    shown = re.findall(r"\(images/gallery/([\w-]+)\.webp\)", text)
    assert shown and set(shown) <= set(ENTRIES)
    assert {path.stem for path in (PAGE.parent / "images/gallery").glob("*.webp")} == set(shown)
    for name in shown:
        assert all(command in text for command in ENTRIES[name].commands)


@pytest.mark.slow
def test_a_strip_is_made_by_its_command(tmp_path, monkeypatch):
    arguments = ["gallery.py", "--only", "Instruction and mask", "--docs", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)
    GALLERY["main"]()
    (made,) = (tmp_path / "images/gallery").glob("*.webp")
    picture = Pillow.open(made)
    assert picture.size == (3 * 160 + 2 * 8, 180)  # before, mask, after
    assert made.stat().st_size < 150_000
    assert not (tmp_path / "gallery.md").exists()
