"""Choices as plain JSON: as a recipe in its one form, and as a message without its picture."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from retouch.batch.choices import Choices, MaskSource, Step, filled
from retouch.batch.edits import edit_settings
from retouch.batch.recipe import VERSION
from retouch.batch.recipe_messages import edit_json
from retouch.batch.recipe_operations import with_files
from retouch.client.edit_messages import edit_message
from retouch.client.uploads import Uploads
from retouch.imaging.decode import read_mask
from retouch.imaging.image import Mask
from retouch.imaging.region import Rect


def recipe_json(choices: Choices) -> dict[str, Any]:
    """Return choices as a recipe in plain JSON; what is as by default is left out."""
    found: dict[str, Any] = {"recipe": VERSION}
    for field in fields(Choices):
        value = getattr(choices, field.name)
        if value != field.default:
            found[field.name] = _plain(value)
    return found


def edit_request_of(choices: Choices, folder: Path, picture: Path) -> dict[str, Any]:
    """Return choices as a ``retouch.v1.EditRequest`` in JSON, without its picture.

    Masks that lie in the picture itself, its alpha or a layer, are left to whoever has it.

    Args:
        choices: what to do.
        folder: of the recipe.
        picture: whose names stand in for ``{stem}`` and so on.

    Raises:
        InvalidField, InvalidImage: a file that the recipe names cannot be used.
    """
    settings = edit_settings(choices, folder, picture)
    if choices.region is not None:
        settings["region"] = Rect(*choices.region)
    if choices.mask is not None and choices.mask.kind == "file":
        mask = read_mask(folder / filled(choices.mask.name, picture, "mask"))
        settings["mask"] = Mask(1 - mask.strength) if choices.mask.invert else mask
    return edit_json(edit_message(Uploads(), b"", **settings))


def _plain(value: Any) -> Any:
    if isinstance(value, MaskSource):
        named = True if value.kind == "alpha" else value.name
        return {value.kind: named} | ({"invert": True} if value.invert else {})
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Step):
        return {value.name: with_files(value, str)}
    return value
