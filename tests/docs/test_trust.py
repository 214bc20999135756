"""Every command of the page on trust exists, with its options, and every file that it names."""

import re
import shlex
from pathlib import Path

import pytest

from retouch.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ retouch (.+)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line):
    command, words = cli, shlex.split(line, comments=True)
    context = cli.make_context("retouch", list(words))
    while hasattr(command, "resolve_command"):
        name, command, words = command.resolve_command(context, words)
        context = command.make_context(name, list(words), parent=context)


def test_the_page_shows_every_command():
    shown = {" ".join(line.split()[:2]) for line in COMMANDS}
    for wanted in ("keys show", "keys publish", "keys rotate", "audit verify", "audit tail"):
        assert wanted in shown
    assert {line.split()[0] for line in COMMANDS} == {"verify", "sign-export", "keys", "audit"}


def test_the_files_that_it_names_exist():
    package = ROOT / "safety" / "retouch_safety"
    names = re.findall(r"`([\w/*]+\.py)`", PAGE.split("## For contributors")[1])
    assert len(names) >= 6
    for name in names:
        found = list(package.rglob(name)) or list((package / "inspection").glob(name))
        assert found, name


def test_the_exit_codes_are_the_ones_of_the_command():
    from retouch.cli.verify import WORST_FIRST

    table = PAGE.split("| exit code, worst first |")[1].split("\n\n")[0]
    assert tuple(int(n) for n in re.findall(r"^\| (\d) \|", table, re.MULTILINE)) == WORST_FIRST
