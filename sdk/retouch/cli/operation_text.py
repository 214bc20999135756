"""Operations written as text: ``sdedit:strength=0.6,repeats=2``.

Values with commas stand in double quotes; lists separate their items with ``;``; pictures are
file names. ``prompt_to_prompt:source_prompt="a cat, sitting",mode=refine``.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retouch.catalog import Catalog
from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.operation import Operation
from retouch.parameters import Parameter, check_names, optional_base, parameters_of

_PAIR = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*("(?:[^"\\]|\\.)*"|[^,]*)\s*(?:,|$)')
_FORM = 'NAME or NAME:PARAMETER=VALUE,... with "..." around values that hold commas'


def parse_operation(text: str, catalog: Catalog, *, field: str = "--op") -> Operation:
    """Make an operation from its text.

    Raises:
        UnknownName: no such operation or parameter.
        InvalidField: the text has another form, or a value is not of the parameter's type or range.
        InvalidImage: a picture cannot be read.
    """
    name, _, rest = text.partition(":")
    kind = catalog.operation(name.strip(), field=field)
    given = pairs_of(rest, field, text)
    check_names(kind, kind.name, given)
    known = {parameter.name: parameter for parameter in parameters_of(kind)}
    values = {key: read_value(value, known[key], kind.name) for key, value in given.items()}
    return kind(**values)


def read_value(text: str, parameter: Parameter, operation: str) -> Any:
    """A parameter's value from text; range checks are the operation's own.

    Raises:
        InvalidField: not of the parameter's type.
    """
    field = f"{operation}.{parameter.name}"
    base = optional_base(parameter.type)
    if parameter.choices:
        return text
    if typing.get_origin(base) is tuple:
        item = typing.get_args(base)[0]
        return tuple(_read(part, item, field, parameter) for part in text.split(";") if part)
    return _read(text, base, field, parameter)


def _read(text: str, kind: Any, field: str, parameter: Parameter) -> Any:
    if kind in (Image, Mask):
        # Here, not above: OpenCV may be broken on this machine, and --help must still work.
        from retouch.imaging.decode import read_image, read_mask

        read = read_image if kind is Image else read_mask
        return read(Path(text), field=field)
    if kind is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() in words:
            return words[text.lower()]
        raise InvalidField(field, text, "true or false", "write true or false")
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise InvalidField(field, text, parameter.allowed, "write a number") from None
    return text


def pairs_of(rest: str, field: str, text: str) -> Mapping[str, str]:
    """Return ``P=V,...`` by name. Raises InvalidField, which shows ``text``."""
    found: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PAIR.match(rest, position)
        if match is None:
            raise InvalidField(field, text, _FORM, "check the commas and the equals signs")
        key, value = match.groups()
        if key in found:
            raise InvalidField(field, text, "every parameter once", f"give {key} only once")
        quoted = len(value) >= 2 and value.startswith('"')
        found[key] = re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value.strip()
        position = match.end()
    return found
