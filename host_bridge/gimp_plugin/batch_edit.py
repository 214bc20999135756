"""An edit without a dialog: what a batch script's call asks for."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import arguments
import document
import document_history
import edits
import interrupted_edits
import procedures
import running
from document import Unsuitable
from edits import Chosen
from gimp_api import Gimp
from plugin_kit import panel_form
from plugin_kit.client import Retouch
from plugin_kit.edit_request import Choices
from plugin_kit.edit_task import EditResult
from procedures import Offered


def edit(
    wanted: Offered, image: Gimp.Image, selected: Sequence[Any], config: Gimp.ProcedureConfig
) -> tuple[list[Gimp.Layer], list[EditResult]]:
    """Do what a procedure was called for; return the layers and what they are made of.

    Args:
        wanted: the procedure.
        image: the document.
        selected: its selected layers.
        config: of the call.

    Raises:
        RetouchError, ValueError, Unsuitable: each one sentence.
    """
    retouch = edits.find_daemon()
    title = f"Retouch: {wanted.title}"
    if wanted.name == procedures.RESUME:
        return _resumed(retouch, image, title)
    catalog = retouch.describe()
    chosen = _chosen(wanted, catalog, image, config)
    layer = next((each for each in selected if isinstance(each, Gimp.Layer)), None)
    read, choices = edits.read(chosen, catalog, image, layer)
    choices = replace(choices, preview_every=0, priority="batch")  # nobody looks on
    prepared, crop = running.begun(read, chosen, choices), read.snapshot.crop
    found = running.run_waiting(retouch, prepared, crop, title)
    return edits.put(read.place, crop, chosen, found), found


def _resumed(
    retouch: Retouch, image: Gimp.Image, title: str
) -> tuple[list[Gimp.Layer], list[EditResult]]:
    """The oldest edit of the document that was under way when GIMP ended."""
    kept = interrupted_edits.interrupted_of(document.check(image))
    if not kept:
        raise Unsuitable("No edit of this picture was interrupted. Fix: edit it anew.")
    prepared, crop, chosen = kept[0]
    found = running.run_waiting(retouch, prepared, crop, title)
    return edits.put(edits.place_again(image, chosen), crop, chosen, found), found


def _chosen(
    wanted: Offered, catalog: dict[str, Any], image: Gimp.Image, config: Gimp.ProcedureConfig
) -> Chosen:
    if wanted.name == procedures.REPLAY:
        return _of_history(image, config.get_property("index"), config.get_property("seed"))
    expands = wanted.mode == "expand"
    source = document.VISIBLE if expands else str(config.get_property("source"))
    if wanted.name == procedures.RECIPE:
        choices = Choices.of_recipe(_recipe(config.get_property("recipe")))
        return Chosen(panel_form.mode_of(choices), choices, source)
    mode = next(each for each in panel_form.modes(catalog) if each.name == wanted.mode)
    values = {field.key: arguments.value_of(config, field) for field in wanted.fields}
    operations = wanted.operations
    if wanted.name == "retouch-combine":
        given = str(config.get_property("operations")).split(",")
        operations = tuple(each.strip() for each in given if each.strip())
    return edits.chosen_of(mode, values, image, source, operations)


def _of_history(image: Gimp.Image, index: int, seed: int) -> Chosen:
    entries = document_history.entries_of(image)
    if index >= len(entries):
        raise Unsuitable(f"The history has {len(entries)} edits. Fix: give a smaller index.")
    chosen = Chosen(**document_history.chosen_of(entries[index]))
    if seed < 0:
        return chosen
    return replace(chosen, choices=replace(chosen.choices, seed=seed))


def _recipe(text: str) -> dict[str, Any]:
    try:
        if os.path.exists(text):
            with open(text, encoding="utf-8") as file:
                text = file.read()
        found = json.loads(text)
    except (OSError, ValueError) as problem:
        raise Unsuitable(f"The recipe cannot be read ({problem}). Fix: give JSON.") from problem
    if not isinstance(found, dict):
        raise Unsuitable("The recipe is no JSON object. Fix: give what Retouch has saved.")
    return found
