"""Edits at work, kept in a file each: when GIMP ends before them, their results are fetched later.

The daemon goes on with a job whose host is gone, and gives the same job for the same request.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import document_history
from document import canvas_of
from edits import Chosen
from gimp_api import Gimp
from job_guard import process_alive
from plugin_kit.edit_request import Prepared
from plugin_kit.geometry import Rect


class Interrupted(NamedTuple):
    """An edit whose end this plug-in has not seen.

    Attributes:
        prepared: its request, as it was sent; nothing need be uploaded again.
        crop: the part of the document that was read.
        chosen: what was asked for.
    """

    prepared: Prepared
    crop: Rect
    chosen: Chosen


def keep(image: Gimp.Image, crop: Rect, chosen: Chosen, request: dict[str, Any]) -> None:
    """Remember an edit until it is over; not of a document that has no file to know it by."""
    name = _name_of(image)
    if not name:
        return
    kept = {
        "host": os.getppid(),
        "picture": name,
        "canvas": canvas_of(image),
        "crop": crop,
        "request": request,
        "chosen": document_history.kept_of(chosen, chosen.choices.to_recipe()),
    }
    path = path_of(request)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(kept), "utf-8")
    os.replace(new, path)


def forget(request: dict[str, Any]) -> None:
    """Forget an edit that is over. Harmless twice."""
    path_of(request).unlink(missing_ok=True)


def path_of(request: dict[str, Any]) -> Path:
    """Return the file that remembers an edit."""
    return _folder() / f"{request['clientJobId']}.json"


def interrupted_of(image: Gimp.Image) -> list[Interrupted]:
    """Return the edits of a document that were under way when GIMP ended, the oldest first."""
    name, found = _name_of(image), []
    for path in sorted(_folder().glob("*.json"), key=lambda path: path.stat().st_mtime):
        try:
            kept = json.loads(path.read_text("utf-8"))
            same = name and kept["picture"] == name and Rect(*kept["canvas"]) == canvas_of(image)
            if same and not process_alive(int(kept["host"])):
                chosen = Chosen(**document_history.chosen_of(kept["chosen"]))
                found.append(
                    Interrupted(Prepared(kept["request"], {}), Rect(*kept["crop"]), chosen)
                )
        except (OSError, ValueError, KeyError, TypeError):
            path.unlink(missing_ok=True)  # of another version
    return found


def _name_of(image: Gimp.Image) -> str:
    file = image.get_file() or image.get_imported_file()
    return (file.get_path() or file.get_uri() or "") if file is not None else ""


def _folder() -> Path:
    return Path(Gimp.directory()) / "retouch" / "edits-at-work"
