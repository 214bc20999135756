"""YAML with the line of every value, so that an error can say where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from retouch.errors import InvalidField

MAX_BYTES: Final = 1 << 20
_MAX_VALUES: Final = 100_000


@dataclass(frozen=True)
class Located:
    """What a file says, and where.

    Attributes:
        file: its name, for errors.
        value: maps, lists, texts, numbers, truths.
        lines: dotted path of a value, as ``operations[0].sdedit.strength`` -> its line, from 1.
    """

    file: str
    value: Any
    lines: Mapping[str, int] = field(default_factory=dict)

    def where(self, path: str) -> str:
        """Return file, line and path of a value, or of the nearest that is there and holds it."""
        known = path
        while known and known not in self.lines:
            known = known[: max(known.rfind("."), known.rfind("["), 0)]
        line = f":{self.lines[known]}" if known in self.lines else ""
        return f"{self.file}{line}" + (f": {path}" if path else "")

    def wrong(self, path: str, value: object, allowed: str, fix: str) -> InvalidField:
        """Return the error that a value deserves."""
        return InvalidField(self.where(path), value, allowed, fix)


def read_yaml(text: str, file: str) -> Located:
    """Read one document of YAML, or of JSON, which is YAML.

    Raises:
        InvalidField: no YAML, too much of it, or a key that stands twice.
    """
    if len(text) > MAX_BYTES:
        allowed = f"at most {MAX_BYTES} characters"
        raise InvalidField(file, f"{len(text)} characters", allowed, "name a recipe")
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        reading = _Reading(file, loader)
        value = None if node is None else reading.value(node, "")
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = file if mark is None else f"{file}:{mark.line + 1}"
        given = problem.problem or "no YAML"
        fix = "check indentation, quotes and colons"
        raise InvalidField(where, given, "one YAML document", fix) from problem
    except yaml.YAMLError as problem:
        fix = "save it as plain UTF-8 text"
        raise InvalidField(file, str(problem), "one YAML document", fix) from problem
    finally:
        loader.dispose()
    return Located(file, value, reading.lines)


class _Reading:
    """Turns nodes into values; counts them, as a few lines of aliases can mean billions."""

    def __init__(self, file: str, loader: yaml.SafeLoader) -> None:
        self.lines: dict[str, int] = {}
        self._file, self._loader, self._left = file, loader, _MAX_VALUES

    def value(self, node: yaml.Node, path: str) -> Any:
        line = node.start_mark.line + 1
        self.lines[path], self._left = line, self._left - 1
        if self._left < 0:
            allowed = f"at most {_MAX_VALUES} values"
            raise InvalidField(self._file, "more values", allowed, "leave aliases out")
        if isinstance(node, yaml.MappingNode):
            return self._map(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, f"{path}[{i}]") for i, each in enumerate(node.value)]
        return self._loader.construct_object(node)

    def _map(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, each in node.value:
            key, line = str(name.value), name.start_mark.line + 1
            if key in found:
                given, fix = f"{key} twice", "keep one of them"
                raise InvalidField(f"{self._file}:{line}", given, "every name once", fix)
            inner = f"{path}.{key}" if path else key
            found[key] = self.value(each, inner)
            self.lines[inner] = line
        return found
