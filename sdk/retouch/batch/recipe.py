"""A recipe: choices for all pictures, and others for some of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from retouch.batch.choices import Choices
from retouch.batch.located_yaml import Located, read_yaml
from retouch.batch.recipe_fields import NAMES, read_fields
from retouch.batch.recipe_messages import choices_of_message, is_message
from retouch.errors import InvalidField

#: The form of recipes that this version reads.
VERSION = 1


@dataclass(frozen=True)
class Override:
    """What is different for pictures whose name, or path, fits a pattern such as ``shot_*``."""

    match: str
    values: Mapping[str, Any]

    def fits(self, picture: Path) -> bool:
        """Return whether it counts for a picture; a pattern with a slash is one of the path."""
        given = picture.as_posix() if "/" in self.match else picture.name
        return fnmatchcase(given, self.match)


@dataclass(frozen=True)
class Recipe:
    """What to do with every picture.

    Attributes:
        file: where it was read; what it names is looked for in its folder.
        choices: for all.
        overrides: for some; later ones count more.
    """

    file: Path
    choices: Choices
    overrides: tuple[Override, ...] = ()

    def for_picture(self, picture: Path) -> Choices:
        """Return what counts for one picture."""
        values: dict[str, Any] = {}
        for override in self.overrides:
            if override.fits(picture):
                values |= override.values
                for one, other in (("mask", "region"), ("region", "mask")):
                    if override.values.get(one) is not None:  # the later place to edit counts
                        values[other] = None
        return replace(self.choices, **values)


def read_recipe(file: Path) -> Recipe:
    """Read a recipe: YAML, or the JSON of a ``retouch.v1.EditRequest``, as hosts keep it.

    Raises:
        InvalidField: with file, line, field, value, what is allowed and the fix.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, ValueError) as problem:
        fix = f"check the path and that it is UTF-8 text ({problem})"
        raise InvalidField("RECIPE", str(file), "a recipe file", fix) from problem
    return recipe_of(read_yaml(text, str(file)), file)


def recipe_of(said: Located, file: Path) -> Recipe:
    """Return what a file says as a recipe. Raises InvalidField as :func:`read_recipe`."""
    if not isinstance(said.value, dict):
        given = "an empty file" if said.value is None else type(said.value).__name__
        fix = "begin with `prompt: ...`; see docs/recipes.md"
        raise said.wrong("", given, "names and values", fix)
    if is_message(said.value):
        return Recipe(file, choices_of_message(said, file.parent))
    own = dict(said.value)
    version = own.pop("recipe", VERSION)
    if version != VERSION:
        raise said.wrong("recipe", version, str(VERSION), "use a newer Retouch")
    overrides = own.pop("inputs", [])
    choices = Choices(**read_fields(said, own, ""))
    found = tuple(_overrides(said, overrides))
    for override in found:  # said before anything runs, with the line
        replace(choices, **override.values)
    return Recipe(file, choices, found)


def _overrides(said: Located, given: Any) -> list[Override]:
    form = "a list of `- match: PATTERN` with other fields beside it"
    if not isinstance(given, list):
        raise said.wrong("inputs", given, form, "write a list")
    found = []
    for number, each in enumerate(given):
        path = f"inputs[{number}]"
        match = each.get("match") if isinstance(each, dict) else None
        if not isinstance(match, str) or not match:
            raise said.wrong(path, each, form, "say which pictures, as in `match: shot_*.png`")
        fields = {name: value for name, value in each.items() if name != "match"}
        found.append(Override(match, read_fields(said, fields, path + ".")))
    return found


__all__ = ["NAMES", "Override", "Recipe", "read_recipe", "recipe_of"]
