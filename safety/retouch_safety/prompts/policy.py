"""Policy profiles: which categories are refused, and from which score on.

Profiles are data (``data/policies``). What stands above them is code: ``FLOOR`` categories are
always refused, at least as strictly as here.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Literal

from retouch_safety.profiles import PROFILES
from retouch_safety.prompts.errors import PromptCheckFailed
from retouch_safety.prompts.verdict import FLOOR, Category

Extent = Literal["whole", "clause", "part"]

_PART, _ONE_WORD = 0.03, 0.15  # on top of the limit


@dataclass(frozen=True)
class Limits:
    """From which margin on a category is refused; margins lie in [-2, 2].

    Attributes:
        whole: for a whole text.
        clause: for one clause, of which a text has many, and so more chances to be wrong.
    """

    whole: float
    clause: float

    def of(self, text: str, extent: Extent) -> float:
        """Return the limit for a text: cut parts and single words have less context, so more."""
        limit = self.whole if extent == "whole" else self.clause
        limit += _PART if extent == "part" else 0.0
        return limit if " " in text else limit + _ONE_WORD

    def __post_init__(self) -> None:
        for name in ("whole", "clause"):
            value = getattr(self, name)
            if not isinstance(value, float) or not 0 < value < 1:
                message = f"policy limit {name}: got {value!r}; allowed: a number between 0 and 1"
                raise PromptCheckFailed(f"{message}. Fix: correct the profile.")


FLOOR_LIMITS = Limits(whole=0.08, clause=0.10)
"""For ``Category.MINORS``; a profile may be stricter, never looser."""


@dataclass(frozen=True)
class Policy:
    """A profile as loaded.

    Attributes:
        name: one of ``PROFILES``.
        limits: limits of every category that is refused.
        accepted: sentences that this profile accepts, in addition to those that all accept; the
            floor does not look at them.
    """

    name: str
    limits: Mapping[Category, Limits]
    accepted: tuple[str, ...]

    def refuses(self, category: Category) -> bool:
        """Return whether a category is refused at all."""
        return category in FLOOR or category in self.limits


def load_policy(name: str) -> Policy:
    """Read a profile.

    Args:
        name: one of ``PROFILES``.

    Raises:
        ValueError: an unknown name.
        PromptCheckFailed: a profile that cannot be read.
    """
    if name not in PROFILES:
        raise ValueError(f"profile: got {name!r}; allowed: {', '.join(PROFILES)}")
    file = resources.files(__package__).joinpath("data", "policies", f"{name}.toml")
    try:
        return parse_policy(name, tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        message = f"policy profile {name!r} cannot be read: {error!r}"
        raise PromptCheckFailed(f"{message}. Fix: reinstall Retouch.") from error


def policy_digest(name: str) -> str:
    """Return a SHA-256 of a profile and of every term list and sentence the filter reads.

    Args:
        name: one of ``PROFILES``.

    Raises:
        ValueError: an unknown name.
    """
    if name not in PROFILES:
        raise ValueError(f"profile: got {name!r}; allowed: {', '.join(PROFILES)}")
    data = resources.files(__package__).joinpath("data")
    others = [f"{other}.toml" for other in PROFILES if other != name]
    found = hashlib.sha256()
    for path, content in _files(data, ""):
        if path.rsplit("/", 1)[-1] not in others:
            found.update(f"{path} {len(content)}\n".encode() + content)
    return found.hexdigest()


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, f"{path}{entry.name}/")
        elif not entry.name.startswith((".", "__")):
            yield f"{path}{entry.name}", entry.read_bytes()


def parse_policy(name: str, data: Mapping[str, Any]) -> Policy:
    """Check a parsed profile; the floor is put back whatever it says.

    Raises:
        KeyError: an unknown category, or one without both limits.
        PromptCheckFailed: a limit out of range.
    """
    limits = {
        Category[key.upper()]: Limits(float(entry["whole"]), float(entry["clause"]))
        for key, entry in data["refused"].items()
    }
    minors = limits.get(Category.MINORS, FLOOR_LIMITS)
    limits[Category.MINORS] = Limits(
        min(minors.whole, FLOOR_LIMITS.whole), min(minors.clause, FLOOR_LIMITS.clause)
    )
    return Policy(name, MappingProxyType(limits), tuple(data.get("accepted", ())))
