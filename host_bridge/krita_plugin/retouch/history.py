"""Edits that a document remembers, and what to fill in to make one again."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, NamedTuple

from .plugin_kit import panel_form
from .plugin_kit.choices import Choices, choices_of
from .plugin_kit.edit_task import EditResult


class Remembered(NamedTuple):
    """What a line of the history fills in.

    Attributes:
        mode: name of the mode.
        values: by field key; pictures are references to what the daemon has.
        operations: names of the operations, for the mode "combine".
    """

    mode: str
    values: dict[str, Any]
    operations: list[str]


def entry_of(mode: str, title: str, result: EditResult, files: dict[str, str]) -> dict[str, Any]:
    """Return one line of a document's history, as plain JSON.

    The recipe is a result's effective one: every default and the seed are written out. ``files``
    are the paths of its pictures that were files, by their SHA-256.
    """
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "mode": mode,
        "title": title,
        "recipe": choices_of(result.effective).to_recipe(),
        "seed": str(result.seed),
        "receipt": result.receipt_id,
        "bounds": list(result.bounds),
        "files": files,
    }


def remembered(entry: dict[str, Any]) -> Remembered:
    """Return what a line of the history fills in.

    Raises:
        ValueError: it was written by a newer version, or is damaged; one sentence.
    """
    choices = Choices.of_recipe(entry.get("recipe", {}))
    values = {key: value for key, value in panel_form.values_of(choices).items() if value != ""}
    mode = str(entry.get("mode", "")) or panel_form.mode_of(choices)
    return Remembered(mode, values, [each.name for each in choices.operations])


def words_of(entry: dict[str, Any]) -> str:
    """Return a line of the history for people: "14:03 Fill selection: a red house (42)"."""
    try:
        when = datetime.fromisoformat(str(entry.get("time"))).astimezone().strftime("%d %b %H:%M")
    except ValueError:
        when = ""
    return f"{when}  {entry.get('title', '')} ({entry.get('seed', '')})".strip()
