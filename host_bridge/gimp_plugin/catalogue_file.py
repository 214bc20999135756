"""The catalogue that procedures are made from when GIMP starts: no daemon need run then.

It comes with the plug-in, and is written anew when a daemon turns out to have other operations;
GIMP asks a plug-in for its procedures again when its file has changed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "catalogue.json"
_PLUGIN = Path(__file__).parent / "retouch.py"


def kept() -> dict[str, Any]:
    """Return ``retouch.v1.Catalog`` in JSON form, as it was last seen."""
    return json.loads(FILE.read_text("utf-8"))


def keep(catalog: dict[str, Any]) -> bool:
    """Keep a daemon's catalogue where its operations are new; return whether they are.

    Procedures of them exist after GIMP's next start. Where the plug-in's folder may not be written
    nothing is kept.
    """
    lasting = _lasting(catalog)
    if lasting["operations"] == kept().get("operations"):
        return False
    try:
        new = FILE.with_suffix(".new")
        new.write_text(json.dumps(lasting, indent=1) + "\n", "utf-8")
        os.replace(new, FILE)
        os.utime(_PLUGIN)
    except OSError:
        return False
    return True


def _lasting(catalog: dict[str, Any]) -> dict[str, Any]:
    """Without models and versions, which change more often than operations do."""
    operations = [
        {key: value for key, value in each.items() if key != "providedBy"}
        for each in catalog.get("operations", [])
    ]
    return {
        "operations": operations,
        "samplers": catalog.get("samplers", []),
        "limits": catalog.get("limits", {}),
    }
