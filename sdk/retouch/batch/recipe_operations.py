"""The operations of a recipe, checked against their declarations before anything runs."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from retouch.batch.choices import Step, filled
from retouch.batch.located_yaml import Located
from retouch.catalog import installed
from retouch.cli.operation_text import pairs_of, read_value
from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.operation import Operation
from retouch.parameters import Parameter, check_names, optional_base, parameters_of, read_map

_FORM = "a list of NAME, NAME:PARAMETER=VALUE,... or `NAME: {PARAMETER: VALUE}`"


def read_operations(said: Located, path: str, value: Any) -> tuple[Step, ...]:
    """Return the operations of a recipe.

    Raises:
        InvalidField: an unknown operation or parameter, a value out of range.
    """
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list):
        raise said.wrong(path, value, _FORM, "write a list")
    return tuple(_step(said, f"{path}[{number}]", each) for number, each in enumerate(given))


def _step(said: Located, path: str, value: Any) -> Step:
    if isinstance(value, str):
        name, _, rest = value.partition(":")
        step = _checked(said, path, name.strip(), None, rest)
    elif isinstance(value, dict) and len(value) == 1:
        ((name, parameters),) = value.items()
        if not isinstance(parameters, dict | None):
            raise said.wrong(f"{path}.{name}", parameters, "PARAMETER: VALUE", "write a map")
        step = _checked(said, path, name, parameters or {}, "")
    else:
        raise said.wrong(path, value, _FORM, "write one operation an item")
    return step


def _checked(
    said: Located, path: str, name: str, given: Mapping[str, Any] | None, text: str
) -> Step:
    """Return a step whose operation was made once, with small pictures in place of files."""
    try:
        kind = installed().operation(name, field="operation")
        values = pairs_of(text, name, f"{name}:{text}") if given is None else given
        check_names(kind, name, values)
        known = {parameter.name: parameter for parameter in parameters_of(kind)}
        plain = {key: _plain(name, known[key], value) for key, value in values.items()}
        _made(kind, plain, lambda wanted, _: _placeholder(wanted))
    except InvalidField as problem:
        inner = problem.field.removeprefix(f"{name}.")
        field = path if inner in ("operation", name) else f"{path}.{name}.{inner}"
        raise type(problem)(
            said.where(field), problem.value, problem.allowed, problem.fix
        ) from None
    return Step(name, plain)


def operation_of(step: Step, folder: Path, picture: Path) -> Operation:
    """Return a step's operation for one picture; its pictures and masks are read.

    Args:
        step: of a recipe that was read.
        folder: of the recipe, where names of files begin.
        picture: whose names stand in for ``{stem}`` and so on.

    Raises:
        InvalidImage: a picture cannot be read. InvalidField: a pattern with unknown words.
    """
    from retouch.imaging.decode import read_image, read_mask

    def read(wanted: type, name: str) -> Image | Mask:
        file = folder / filled(name, picture, step.name)
        return (read_image if wanted is Image else read_mask)(file, field=step.name)

    return _made(installed().operation(step.name), step.values, read)


def files_of(step: Step) -> list[str]:
    """Return the patterns of the files that a step names."""
    known = {parameter.name: parameter for parameter in parameters_of(_kind(step))}
    found: list[str] = []
    for name, value in step.values.items():
        if _picture(known[name]) is not None and value is not None:
            found += [value] if isinstance(value, str) else list(value)
    return found


def with_files(step: Step, named: Callable[[str], str]) -> dict[str, Any]:
    """Return a step's values, lists for tuples, with other names of the files in it."""
    known = {parameter.name: parameter for parameter in parameters_of(_kind(step))}
    found: dict[str, Any] = {}
    for name, value in step.values.items():
        several = isinstance(value, tuple)
        if _picture(known[name]) is not None and value is not None:
            value = [named(each) for each in value] if several else named(value)
        found[name] = list(value) if several else value
    return found


def _kind(step: Step) -> type[Operation]:
    return installed().operation(step.name)


def _picture(known: Parameter) -> type | None:
    """``Image`` or ``Mask`` where a parameter is one, or several."""
    base = optional_base(known.type)
    if typing.get_origin(base) is tuple:
        base = typing.get_args(base)[0]
    return base if base in (Image, Mask) else None


def _plain(operation: str, known: Parameter, value: Any) -> Any:
    """A parameter's value as a recipe keeps it: names of files stay names."""
    field, base = f"{operation}.{known.name}", optional_base(known.type)
    several = typing.get_origin(base) is tuple
    if value is None:
        return None
    if _picture(known) is not None:
        value = _beside(value)
        names = value.split(";") if several and isinstance(value, str) else value
        if several and isinstance(names, list | tuple) and all(isinstance(n, str) for n in names):
            return tuple(names)
        if not several and isinstance(names, str):
            return names
        raise InvalidField(field, value, "names of picture files", "write a file's name")
    if isinstance(value, str) and base is not str and not known.choices:
        if typing.get_origin(base) is not None and not several:
            return read_map(value, field)
        return read_value(value, known, operation)
    return tuple(value) if several and isinstance(value, list) else value


def _beside(value: Any) -> Any:
    """Names of files for references to the daemon's pictures, as hosts keep them."""
    if isinstance(value, list):
        return [_beside(each) for each in value]
    digest = value.get("sha256") if isinstance(value, dict) else None
    return f"{digest}.png" if isinstance(digest, str) else value


def _placeholder(wanted: type) -> Image | Mask:
    if wanted is Mask:
        return Mask(np.ones((1, 1), np.float32))
    return Image(np.zeros((1, 1, 3), np.uint8))


def _made(
    kind: type[Operation],
    values: Mapping[str, Any],
    picture: Callable[[type, str], Image | Mask],
) -> Operation:
    known = {parameter.name: parameter for parameter in parameters_of(kind)}
    made: dict[str, Any] = {}
    for name, value in values.items():
        wanted = _picture(known[name])
        if wanted is None or value is None:
            made[name] = value
        elif isinstance(value, tuple):
            made[name] = tuple(picture(wanted, each) for each in value)
        else:
            made[name] = picture(wanted, value)
    return kind(**made)
