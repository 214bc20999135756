"""The data of the filter: TOML files, of which a folder reads as one."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any


@functools.cache
def table(*path: str) -> Mapping[str, Any]:
    """Return a file of ``data``, or the files of a folder as one: lists and tables are joined.

    Args:
        path: folders and name, without the suffix.
    """
    parent = resources.files(__package__).joinpath("data", *path[:-1])
    entry = parent.joinpath(path[-1])
    if not entry.is_dir():
        return _parsed(parent.joinpath(f"{path[-1]}.toml"))
    joined: dict[str, Any] = {}
    for file in sorted(entry.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            for key, value in _parsed(file).items():
                joined[key] = _added(joined[key], value) if key in joined else value
    return joined


def names(folder: str) -> tuple[str, ...]:
    """Return the names of the tables in a folder of ``data``, sorted."""
    entries = resources.files(__package__).joinpath("data", folder).iterdir()
    found = (entry.name.removesuffix(".toml") for entry in entries)
    return tuple(sorted(name for name in found if not name.startswith((".", "_"))))


def _parsed(file: Traversable) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _added(one: Any, other: Any) -> Any:
    """Return two lists or two tables as one; a key that both tables have is a mistake."""
    if isinstance(one, list):
        return [*one, *other]
    if set(one) & set(other):
        raise ValueError(f"two files name {sorted(set(one) & set(other))}")
    return {**one, **other}
