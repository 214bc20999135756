"""An edit from what was chosen to layers in the document; with and without a dialog the same."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import document
import document_history
import layers
from daemon_folder import daemon_folder
from document import Place, Read
from gimp_api import Gimp
from plugin_kit import geometry, panel_form
from plugin_kit.client import Retouch
from plugin_kit.edit_request import Choices, OperationChoice
from plugin_kit.edit_task import EditResult
from plugin_kit.geometry import Rect
from sample_form import form_of

#: What the daemon knows this plug-in by.
CLIENT = "gimp"
#: Modes that paint where nothing is; the others keep the transparency that there is.
_MAKES_OPAQUE = ("fill", "expand")
_SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class Chosen:
    """What a person chose, the host's part included.

    Attributes:
        mode: name of the panel's mode.
        choices: for the daemon.
        source: ``document.VISIBLE`` or ``document.LAYER``.
        sides: pixels to add at the left, top, right and bottom; None = the canvas stays.
        overlap: pixels of the old canvas along its expanded edges that may change.
        crop: size of the part that an earlier edit read; (0, 0) = there is none.
    """

    mode: str
    choices: Choices
    source: str = document.VISIBLE
    sides: tuple[int, int, int, int] | None = None
    overlap: int = 0
    crop: tuple[int, int] = (0, 0)


def find_daemon() -> Retouch:
    """Return the daemon. Raises NotRunning."""
    return Retouch.find(CLIENT, daemon_folder())


def chosen_of(
    mode: panel_form.Mode,
    values: dict[str, Any],
    image: Gimp.Image,
    source: str = document.VISIBLE,
    operations: Sequence[str] = (),
) -> Chosen:
    """Return what a filled form says.

    Args:
        mode: of the panel.
        values: by field key.
        image: the document.
        source: what is edited.
        operations: of the mode "combine".

    Raises:
        ValueError, Unsuitable: one sentence.
    """
    if mode.missing:
        raise document.Unsuitable(mode.missing)
    selected = document.selection_of(document.check(image)) is not None
    expands = "sides" in mode.needs
    run = list(operations) if mode.name == "combine" else None
    found = panel_form.choices(mode, values, run, selected and not expands)
    if found.seed is None:  # a short one, that people and GIMP's arguments can hold
        found = replace(found, seed=secrets.randbelow(2**31))
    if not expands:
        return Chosen(mode.name, found, source)
    sides = tuple(int(values.get(f"expand.{side}") or 0) for side in _SIDES)
    overlap = values.get("expand.overlap")
    return Chosen(mode.name, found, sides=sides, overlap=16 if overlap is None else int(overlap))


def sides_of(chosen: Chosen) -> dict[str, int]:
    """Return the form's values of how the canvas grows; empty where it does not."""
    if chosen.sides is None:
        return {}
    found = {f"expand.{side}": size for side, size in zip(_SIDES, chosen.sides, strict=True)}
    return {**found, "expand.overlap": chosen.overlap}


def read(
    chosen: Chosen, catalog: dict[str, Any], image: Gimp.Image, layer: Gimp.Layer | None
) -> tuple[Read, Choices]:
    """Return the document as the edit needs it, and the choices with its masks in them.

    Raises:
        Unsuitable.
    """
    side = panel_form.native_size(catalog, chosen.choices.model)
    if chosen.sides is not None:
        found = document.read_expanded(image, chosen.sides, chosen.overlap, side)
    else:
        found = document.read(image, layer, chosen.source, side)
    if chosen.mode not in _MAKES_OPAQUE:
        shape = document.shape_of(found.snapshot)
        found = replace(found, place=replace(found.place, shape=shape))
    crop, choices = found.snapshot.crop, chosen.choices
    if chosen.crop not in ((0, 0), (crop.width, crop.height)):
        choices = replace(choices, working_size=0)  # of a part of another shape
    operations = tuple(
        OperationChoice(
            each.name, {key: _mask(value, found) for key, value in each.parameters.items()}
        )
        for each in choices.operations
    )
    return found, replace(choices, operations=operations)


def put(
    place: Place, crop: Rect, chosen: Chosen, results: Sequence[EditResult]
) -> list[Gimp.Layer]:
    """Add results to the document and to its history, in one undo step; return the layers.

    Args:
        place: where they go.
        crop: the part of the document that was read.
        chosen: what was asked for.
        results: at least one.

    Raises:
        Unsuitable: the document was closed meanwhile.
    """
    size = (crop.width, crop.height)
    entries = [document_history.entry(chosen, each, size) for each in results]
    return layers.insert(place, crop, results, title_of(chosen), entries)


def place_again(image: Gimp.Image, chosen: Chosen) -> Place:
    """Return where results of an earlier edit go, in the document as it is now.

    Raises:
        Unsuitable.
    """
    layer = document.check(image).get_layers()[0]
    plan = None
    if chosen.sides is not None:
        canvas = document.canvas_of(image)
        plan = geometry.expansion(canvas, *chosen.sides, overlap=chosen.overlap)
    return Place(image, None, form_of(image, layer), plan)


def title_of(chosen: Chosen) -> str:
    """Return what an edit is called: its prompt, or its mode."""
    return (chosen.choices.prompt or chosen.mode.capitalize())[:60]


def _mask(value: Any, read: Read) -> Any:
    return (
        document.mask_of(value, read.snapshot.crop) if isinstance(value, Gimp.Drawable) else value
    )
