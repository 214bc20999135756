"""From a filled form to choices, and back: what a panel shows and what a replay fills in."""

from __future__ import annotations

import re
from typing import Any

from .choices import MOST_SEED, Choices, OperationChoice
from .form_fields import Field

_DIGITS = re.compile("[0-9]{1,19}")
_PLAIN = ("preview_side", "working_size", "priority", "group")
_OF_EDIT = (
    "prompt",
    "negative",
    "model",
    "variants",
    "seed",
    "steps",
    "sampler",
    "feather",
    "grow",
    "preview_every",
    *_PLAIN,
)


def filled(
    fields: list[Field], run: list[str], values: dict[str, Any], optional: list[str]
) -> Choices:
    """Return the choices that the values of some fields make.

    Args:
        fields: of the form.
        run: names of operations that run whatever is given.
        values: by field key; what is missing is as by default.
        optional: names of operations that run where one of their fields is given.

    Raises:
        ValueError: a required field is empty, a number is out of range; one sentence naming it.
    """
    given: dict[str, dict[str, Any]] = {name: {} for name in run}
    edit: dict[str, Any] = {}
    for field in fields:
        if field.operation and field.operation not in run and field.operation not in optional:
            continue
        value = _value(field, values.get(field.key))
        if value is None:
            if field.required and field.operation in run:
                raise ValueError(f"{field.label} is empty. Fix: {_fix(field)}.")
        elif field.operation:
            given.setdefault(field.operation, {})[field.name] = value
        elif field.key in _OF_EDIT:
            edit[field.key] = value
    overlap = values.get("expand.overlap")
    if overlap and "feather" not in edit:
        edit["feather"] = int(overlap)
    edit.update({name: values[name] for name in _PLAIN if values.get(name)})
    operations = tuple(OperationChoice(name, parameters) for name, parameters in given.items())
    return Choices(operations=operations, **edit)


def values_of(chosen: Choices) -> dict[str, Any]:
    """Return the form's values of choices, by field key: what replay fills in."""
    found = {name: getattr(chosen, name) for name in _OF_EDIT}
    for operation in chosen.operations:
        for name, value in operation.parameters.items():
            found[f"{operation.name}.{name}"] = value
    return found


def _value(field: Field, value: Any) -> Any:
    """A field's value as an operation takes it; None where none is given."""
    if isinstance(value, str):
        value = value.strip()
    # not `in _EMPTY`: 0 == False there, and pictures compare their bytes
    if value is None or (isinstance(value, (str, tuple, list, dict, bytes)) and not value):
        return None
    if field.kind in ("number", "integer"):
        return (
            [_number(field, each) for each in _several(value)]
            if field.several
            else _number(field, value)
        )
    if field.kind == "bool":
        return bool(value)
    if field.kind == "words":
        return {word: _number(field, each) for word, each in _words(field, value).items()}
    if field.kind == "choice" and field.choices and value not in field.choices:
        raise ValueError(_wrong(field, value, ", ".join(field.choices)))
    if field.several and not isinstance(value, (list, tuple)):
        return _several(value)
    return list(value) if isinstance(value, tuple) else value


def _several(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [each.strip() for each in value.split(",") if each.strip()]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _words(field: Field, value: Any) -> dict[str, Any]:
    """Words with numbers: a dict, or a text such as "red: 1.5, house: 0.5"."""
    if isinstance(value, dict):
        return value
    pairs = [each.rpartition(":") for each in _several(value)]
    if not all(word.strip() for word, _, _ in pairs):
        raise ValueError(_wrong(field, value, "word: number, word: number"))
    return {word.strip(): number for word, _, number in pairs}


def _number(field: Field, value: Any) -> Any:
    low = "any" if field.low is None else f"{field.low:g}"
    high = "any" if field.high is None else f"{field.high:g}"
    allowed = f"{low} to {high}{' ' + field.unit if field.unit else ''}"
    # What the daemon reports may be larger than what people write, and no float holds it.
    if field.key == "seed" and isinstance(value, (int, str)) and _DIGITS.fullmatch(str(value)):
        if int(value) > MOST_SEED:
            raise ValueError(_wrong(field, value, f"0 to {MOST_SEED}"))
        return int(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(_wrong(field, value, allowed)) from None
    inside = (field.low is None or number >= field.low) and (
        field.high is None or number <= field.high
    )
    if not inside or number != number:
        raise ValueError(_wrong(field, value, allowed))
    if field.kind != "integer":
        return number
    if number != int(number):
        raise ValueError(_wrong(field, value, "a whole number, " + allowed))
    return int(value) if isinstance(value, int) else int(number)


def _wrong(field: Field, value: Any, allowed: str) -> str:
    return f"{field.label}: got {value!r}; allowed: {allowed}. Fix: choose one of these."


def _fix(field: Field) -> str:
    known = {"picture": "choose a layer or a file", "mask": "select a part of the canvas"}
    return known.get(field.kind, f"write what belongs there ({field.help.rstrip('.')})")


def names_of(chosen: Choices, left_out: list[str] | None = None) -> list[str]:
    """Return the names of the operations, without those that are left out."""
    return [each.name for each in chosen.operations if each.name not in (left_out or [])]
