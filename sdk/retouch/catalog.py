"""What this installation can do: operations found through entry points, without importing torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from retouch.errors import UnknownName
from retouch.operation import Operation
from retouch.parameters import check_declared, check_names, parameters_of

GROUP = "retouch.operations"
#: Environment variable with the only operations that may be loaded, separated by commas.
ALLOWED_VARIABLE = "RETOUCH_OPERATIONS"


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """An entry point that could not be used; the others go on without it."""

    name: str
    package: str
    problem: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """The operations of this installation.

    Attributes:
        operations: operation classes by name.
        packages: distribution each came from, by name.
        broken: entry points that could not be used, and why.
    """

    operations: Mapping[str, type[Operation]]
    packages: Mapping[str, str]
    broken: tuple[BrokenPlugin, ...]

    def operation(self, name: str, *, field: str = "ops") -> type[Operation]:
        """The operation called ``name``.

        Raises:
            UnknownName: there is none; lists what there is, or why the plugin failed.
        """
        if name in self.operations:
            return self.operations[name]
        for plugin in self.broken:
            if plugin.name == name:
                fix = f"repair or remove package {plugin.package}: {plugin.problem}"
                raise UnknownName(field, name, ", ".join(self.operations), fix)
        fix = "run `retouch operations` to see what is installed"
        raise UnknownName(field, name, ", ".join(self.operations), fix)

    def make(self, name: str, values: Mapping[str, Any], *, field: str = "ops") -> Operation:
        """Make an operation from named parameter values.

        Raises:
            UnknownName: no such operation or parameter.
            InvalidField: a value out of range.
        """
        kind = self.operation(name, field=field)
        check_names(kind, name, values)
        return kind(**values)


@cache
def installed() -> Catalog:
    """The catalogue of this process: read once, as installed packages do not change under it."""
    return read_catalog()


def read_catalog() -> Catalog:
    """Read all entry points anew; those that ``$RETOUCH_OPERATIONS`` leaves out are not loaded."""
    allowed = os.environ.get(ALLOWED_VARIABLE, "").replace(",", " ").split()
    operations: dict[str, type[Operation]] = {}
    packages: dict[str, str] = {}
    broken = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        if allowed and point.name not in allowed:
            continue
        package = point.dist.name if point.dist is not None else "unknown"
        try:
            operations[point.name] = _load(point, operations)
            packages[point.name] = package
        except Exception as problem:
            reason = f"{type(problem).__name__}: {problem}"
            broken.append(BrokenPlugin(point.name, package, reason))
    return Catalog(MappingProxyType(operations), MappingProxyType(packages), tuple(broken))


def _load(point: EntryPoint, known: Mapping[str, type[Operation]]) -> type[Operation]:
    kind = point.load()
    if not (isinstance(kind, type) and issubclass(kind, Operation)):
        raise TypeError(f"{point.value} is not a subclass of retouch.operation.Operation")
    if kind.name != point.name:
        raise ValueError(f"its name is {kind.name!r}, the entry point's {point.name!r}")
    if point.name in known:
        raise ValueError("another package already provides an operation of this name")
    check_declared(kind, kind.name)
    parameters_of(kind)  # a declaration that cannot be described is refused here, not later
    return kind
