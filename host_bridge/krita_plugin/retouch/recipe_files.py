"""Recipes as files: what ``retouch batch`` runs over folders, for the picture that is open.

Krita's Python reads JSON and no YAML; every such recipe is one of ``retouch batch``, too.
"""

from __future__ import annotations

import json
import os
from typing import Any

from .edit import FileChoice
from .plugin_kit.choices import Choices
from .plugin_kit.panel_form import Field

#: For a dialog.
FILES = "Recipes (*.json);;All files (*)"
_MOST_BYTES = 1 << 20
_YAML = (".yaml", ".yml")


def read(path: str) -> dict[str, Any]:
    """Return a recipe as a line of the history that fills in its mode.

    Raises:
        ValueError: it cannot be read, or is no recipe; one sentence.
    """
    name = os.path.basename(path)
    if path.lower().endswith(_YAML):
        fix = f"run `retouch recipe {name} > {os.path.splitext(name)[0]}.json` and open that"
        raise ValueError(f"Krita reads no YAML: {name}. Fix: {fix}.")
    try:
        if os.path.getsize(path) > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES} bytes")
        with open(path, encoding="utf-8") as file:
            found = json.loads(file.read())
    except (OSError, ValueError, RecursionError) as problem:
        fix = "open what `retouch recipe` prints, or what was saved here"
        raise ValueError(f"{name} cannot be read as JSON ({problem}). Fix: {fix}.") from problem
    Choices.of_recipe(found)
    return {"recipe": found, "title": name}


def write(path: str, entry: dict[str, Any]) -> None:
    """Save a line of the history as a recipe; a former one is replaced whole or not at all.

    Raises:
        ValueError: it has pictures that are no files, or cannot be written; one sentence.
    """
    recipe = _named(entry.get("recipe", {}), entry.get("files", {}), os.path.dirname(path))
    before = path + ".part"
    try:
        with open(before, "w", encoding="utf-8") as file:
            json.dump(recipe, file, ensure_ascii=False, indent=2)
            file.write("\n")
        os.replace(before, path)
    except OSError as problem:
        raise ValueError(f"{path} cannot be written ({problem}). Fix: save elsewhere.") from problem


def with_files(values: dict[str, Any], fields: list[Field], folder: str) -> dict[str, Any]:
    """Return values in which the pictures that a recipe names by file are files.

    Args:
        values: by field key.
        fields: of the mode.
        folder: of the recipe: names of files begin there.

    Raises:
        ValueError: a file that is not there; one sentence.
    """
    pictures = {field.key: field for field in fields if field.kind in ("picture", "mask")}
    return {
        key: _files(pictures[key], value, folder) if key in pictures else value
        for key, value in values.items()
    }


def _files(field: Field, value: Any, folder: str) -> Any:
    if isinstance(value, list):
        return [_files(field, each, folder) for each in value]
    if not isinstance(value, str):
        return value
    if field.kind == "mask":
        fix = "take it out of the recipe and choose a layer or the selection"
        raise ValueError(f"{field.label}: a mask in Krita is no file. Fix: {fix}.")
    path = os.path.join(folder, value)
    if not os.path.isfile(path):
        fix = "put it there, or open the recipe where its pictures are"
        raise ValueError(f"{field.label}: there is no file {path}. Fix: {fix}.")
    return FileChoice(path)


def _named(value: Any, files: dict[str, str], folder: str) -> Any:
    """Return a recipe in which pictures have the names of their files, as seen from a folder.

    Raises:
        ValueError: a picture that was no file; one sentence.
    """
    if isinstance(value, list):
        return [_named(each, files, folder) for each in value]
    if not isinstance(value, dict):
        return value
    if "sha256" not in value:
        return {key: _named(each, files, folder) for key, each in value.items()}
    path = files.get(value["sha256"], "")
    if not path:
        raise ValueError(
            "A recipe names files, and this edit has pictures or masks of layers. "
            "Fix: choose files instead, and run it again."
        )
    try:
        return os.path.relpath(path, folder or ".")
    except ValueError:  # on another drive
        return path
