"""Parameters of operations: one declaration is the field, its check, its help and its panel."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from retouch.errors import InvalidField, UnknownName

#: Longest text of any field, in characters; most items of any list or map.
MAX_TEXT = 2000
MAX_ITEMS = 64


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a host needs to build a control for one parameter.

    Attributes:
        name: field name.
        type: annotation of the field.
        default: default value; None where the parameter is optional and unset.
        low: least allowed value, or None.
        high: greatest allowed value, or None.
        choices: allowed values of an enumerated parameter, else empty.
        unit: for example ``px``, ``fraction of progress``.
        help: one sentence.
        aligned: whether a picture or mask lies over the document, pixel for pixel, so that it is
            cropped and scaled together with it.
        guides: whether it is the scale of the prompt's guidance: below 1 the negative prompt is
            drawn instead of avoided, and the gate reads it so.
    """

    name: str
    type: Any
    default: Any
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    unit: str
    help: str
    aligned: bool = False
    guides: bool = False

    @property
    def type_name(self) -> str:
        """Readable name of the type."""
        if self.choices:
            return "choice"
        base = optional_base(self.type)
        origin = typing.get_origin(base)
        if origin is tuple:
            return f"list of {typing.get_args(base)[0].__name__}"
        if origin is not None:
            return "map of word to number"
        return str(base.__name__)

    @property
    def allowed(self) -> str:
        """Allowed values in words."""
        if self.choices:
            return ", ".join(self.choices)
        if self.low is not None or self.high is not None:
            low = "-inf" if self.low is None else f"{self.low:g}"
            high = "inf" if self.high is None else f"{self.high:g}"
            return f"{self.type_name} in [{low}, {high}]"
        return self.type_name


def parameter(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    aligned: bool = False,
    guides: bool = False,
) -> Any:
    """Declare a parameter of an operation as a dataclass field.

    Args:
        default: default value (immutable).
        help: one sentence for the user.
        low: least allowed value.
        high: greatest allowed value.
        unit: unit of the value.
        aligned: see ``Parameter``.
        guides: see ``Parameter``.
    """
    about = {"help": help, "low": low, "high": high, "unit": unit}
    about |= {"aligned": aligned, "guides": guides}
    return dataclasses.field(default=default, metadata={"parameter": about})


def parameters_of(operation: type) -> tuple[Parameter, ...]:
    """Describe the parameters of an operation class, in declaration order."""
    hints = typing.get_type_hints(operation)
    described = []
    for field in dataclasses.fields(operation):
        about = field.metadata.get("parameter")
        if about is None:
            continue
        kind = hints[field.name]
        base = optional_base(kind)
        choices = typing.get_args(base) if typing.get_origin(base) is Literal else ()
        described.append(
            Parameter(
                name=field.name,
                type=kind,
                default=field.default,
                low=about["low"],
                high=about["high"],
                choices=choices,
                unit=about["unit"],
                help=about["help"],
                aligned=about["aligned"],
                guides=about["guides"],
            )
        )
    return tuple(described)


def check_declared(operation: type, name: str) -> None:
    """Refuse an operation with a field that is no parameter: nobody would check or read it.

    Raises:
        InvalidField: naming the field and the fix.
    """
    for field in dataclasses.fields(operation):
        if "parameter" not in field.metadata:
            fix = "declare it with parameter(default, help)"
            raise InvalidField(f"{name}.{field.name}", "a plain field", "parameters only", fix)


def check_parameters(operation: Any, name: str) -> None:
    """Check every parameter of an operation against its declaration.

    Raises:
        InvalidField: naming ``<name>.<parameter>``, the value, what is allowed and the fix.
    """
    for known in parameters_of(type(operation)):
        value = getattr(operation, known.name)
        if value is None and known.default is None:
            continue
        _check_value(f"{name}.{known.name}", value, known)


def _check_value(field: str, value: Any, known: Parameter) -> None:
    base = optional_base(known.type)
    if known.choices:
        if value not in known.choices:
            raise InvalidField(field, value, known.allowed, f"use one of {known.allowed}")
        return
    if base in (int, float):
        wrong_type = isinstance(value, bool) or not isinstance(value, int | float)
        if base is int and isinstance(value, float):
            wrong_type = True
        if wrong_type or (isinstance(value, float) and not math.isfinite(value)):
            raise InvalidField(field, value, known.allowed, "give a finite number")
        below = known.low is not None and value < known.low
        above = known.high is not None and value > known.high
        if below or above:
            raise InvalidField(field, value, known.allowed, f"choose a value {known.allowed}")
    elif isinstance(base, type) and typing.get_origin(base) is None:
        _check_instance(field, value, base, known)
    elif typing.get_origin(base) is tuple:
        _check_items(field, value, known)
    elif typing.get_origin(base) is Mapping:
        _check_map(field, value, known)


def _check_instance(field: str, value: Any, base: type, known: Parameter) -> None:
    if not isinstance(value, base):
        raise InvalidField(field, value, known.allowed, f"give a value of type {base.__name__}")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        allowed = f"at most {MAX_TEXT} characters"
        raise InvalidField(field, f"{len(value)} characters", allowed, "shorten it")


def _check_items(field: str, value: Any, known: Parameter) -> None:
    kind = typing.get_args(optional_base(known.type))[0]
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, tuple) or not all(isinstance(item, accepted) for item in value):
        raise InvalidField(field, value, known.allowed, f"give a tuple of {kind.__name__}")
    _check_count(field, len(value))
    if kind in (float, str):
        item = dataclasses.replace(known, type=kind)
        for position, number in enumerate(value):
            _check_value(f"{field}[{position}]", number, item)


def _check_map(field: str, value: Any, known: Parameter) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InvalidField(field, value, known.allowed, "give numbers by word, as in red:2;cat:0.5")
    _check_count(field, len(value))
    item = dataclasses.replace(known, type=float)
    for key, number in value.items():
        _check_value(f"{field}[{key}]", number, item)


def _check_count(field: str, count: int) -> None:
    if count > MAX_ITEMS:
        raise InvalidField(field, f"{count} items", f"at most {MAX_ITEMS} items", "leave some out")


def read_map(text: str, field: str) -> dict[str, float]:
    """Numbers by word from text such as ``red:2;cat:0.5`` (or with commas).

    Raises:
        InvalidField: the text has another form.
    """
    found: dict[str, float] = {}
    for part in text.replace(";", ",").split(","):
        word, colon, number = part.strip().rpartition(":")
        if not part.strip():
            continue
        try:
            found[word.strip()] = float(number)
        except ValueError:
            colon = ""
        if not colon or not word.strip():
            raise InvalidField(field, text, "WORD:NUMBER;WORD:NUMBER", "write as red:2;cat:0.5")
    return found


def check_names(operation: type, name: str, given: Mapping[str, Any]) -> None:
    """Refuse parameter names the operation does not have.

    Raises:
        UnknownName: naming the parameter and listing the known ones.
    """
    known = [parameter.name for parameter in parameters_of(operation)]
    for key in given:
        if key not in known:
            allowed = ", ".join(known) or "no parameters"
            raise UnknownName(f"{name}.{key}", given[key], allowed, "check the spelling")


def optional_base(kind: Any) -> Any:
    """``X`` of ``X | None``; anything else unchanged."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        rest = [part for part in typing.get_args(kind) if part is not type(None)]
        return rest[0] if len(rest) == 1 else kind
    return kind
