"""Kinds of clients: a name that a client chose itself must not become a label of a metric."""

from __future__ import annotations

import re
from typing import Final

#: What a client's name begins with, before a digit, a dot, a dash or an underscore.
CLASSES: Final = frozenset(
    ("affinity", "blender", "cli", "figma", "gimp", "krita", "photoshop", "python", "retouch")
)
OTHER: Final = "other"
_FIRST_WORD: Final = re.compile(r"[A-Za-z]+")
PRIORITIES: Final = ("live", "interactive", "batch")


def client_class(name: str) -> str:
    """Return the kind of a client."""
    found = _FIRST_WORD.match(name)
    word = found[0].lower() if found else ""
    return word if word in CLASSES else OTHER


def priority_name(priority: int) -> str:
    """Return the word for a job's priority."""
    return PRIORITIES[priority] if 0 <= priority < len(PRIORITIES) else OTHER
