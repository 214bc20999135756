"""The edits of a document, kept inside it: shown in the dialog, run again from there."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gimp_api import Gimp
from plugin_kit.edit_request import Choices, choices_of
from plugin_kit.edit_task import EditResult

if TYPE_CHECKING:
    from edits import Chosen

#: Of a document: its edits, the newest first, as JSON.
HISTORY = "retouch-history"
LONGEST = 50


def entry(chosen: Chosen, result: EditResult, crop: tuple[int, int]) -> dict[str, Any]:
    """Return what the history keeps of one result: how to make it again, and its receipt.

    Args:
        chosen: what was asked for.
        result: what came of it.
        crop: size of the part of the document that was read.
    """
    kept = kept_of(chosen, choices_of(result.effective).to_recipe())
    return {
        **kept,
        "title": chosen.choices.prompt or chosen.mode.capitalize(),
        "when": time.strftime("%Y-%m-%d %H:%M"),
        "seed": str(result.seed),
        "receipt": result.receipt_id,
        "crop": crop,
    }


def kept_of(chosen: Chosen, recipe: dict[str, Any]) -> dict[str, Any]:
    """Return what is asked for as plain JSON; ``chosen_of`` reads it."""
    return {
        "mode": chosen.mode,
        "recipe": recipe,
        "source": chosen.source,
        "sides": chosen.sides,
        "overlap": chosen.overlap,
    }


def chosen_of(kept: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``edits.Chosen`` that make an edit of the history again.

    Raises:
        ValueError: it was written by another version; one sentence.
    """
    sides = kept.get("sides")
    return {
        "mode": str(kept.get("mode", "combine")),
        "choices": Choices.of_recipe(kept.get("recipe", {})),
        "source": str(kept.get("source", "visible")),
        "sides": tuple(sides) if sides else None,
        "overlap": int(kept.get("overlap", 0)),
        "crop": tuple(kept.get("crop", (0, 0))),
    }


def entries_of(image: Gimp.Image) -> list[dict[str, Any]]:
    """Return the edits of a document, the newest first; none where they cannot be read."""
    found = image.get_parasite(HISTORY)
    if found is None:
        return []
    try:
        kept = json.loads(bytes(found.get_data()))
    except ValueError:
        return []
    return [each for each in kept if isinstance(each, dict)] if isinstance(kept, list) else []


def add(image: Gimp.Image, entries: Sequence[dict[str, Any]]) -> None:
    """Keep edits in the document; undo takes them out again."""
    if not entries:
        return
    kept = [*reversed(entries), *entries_of(image)][:LONGEST]
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    image.attach_parasite(Gimp.Parasite.new(HISTORY, flags, json.dumps(kept).encode()))
