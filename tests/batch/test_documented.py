"""docs/recipes.md: its recipe is one, and every field and command in it exists."""

import re
import shlex
from pathlib import Path

from retouch.batch.located_yaml import read_yaml
from retouch.batch.recipe import recipe_of
from retouch.batch.recipe_fields import NAMES
from retouch.cli.main import cli

PAGE = (Path(__file__).resolve().parents[2] / "docs/recipes.md").read_text("utf-8")


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_recipe_is_read_as_it_stands():
    (text,) = blocks("yaml")
    recipe = recipe_of(read_yaml(text, "night.yaml"), Path("night.yaml"))
    chosen = recipe.for_picture(Path("closeups/a.psd"))
    assert chosen.layer == "Hero/body" and chosen.region == (10, 20, 64, 64)
    assert chosen.mask is None and recipe.choices.seed == "per-file"


def test_the_table_has_every_field():
    rows = re.findall(r"^\| ((?:`\w+`[^|]*?)) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named - {"negative", "ops", "R", "G", "B"} == set(NAMES)


def test_commands_have_these_options():
    (text,) = blocks("sh")
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        command = cli.get_command(None, words[1])
        known = {option for each in command.params for option in each.opts}
        given = {word for word in words if word.startswith("-")}
        assert given <= known, line
