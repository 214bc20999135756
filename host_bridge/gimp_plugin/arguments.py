"""Fields of the catalogue as arguments of GIMP's procedures, and back.

GIMP has no argument that is not given, so each says in its help which value stands for that: one
below the range of a number, an empty text, the word "default".
"""

from __future__ import annotations

from typing import Any

from document import picture_of
from gimp_api import Gimp, GObject
from plugin_kit.panel_form import Field

#: The word of a choice that is not made.
DEFAULT = "default"
#: Pictures that a procedure takes where the daemon takes several.
_PICTURES = 4
_LARGEST = 2**31 - 1
_FLAGS = GObject.ParamFlags.READWRITE


def argument_name(field: Field) -> str:
    """Return the name of a field's argument: "sdedit-strength" of "sdedit.strength"."""
    return field.key.replace(".", "-").replace("_", "-")


def add_argument(procedure: Gimp.Procedure, field: Field) -> None:
    """Give a procedure the argument of a field."""
    name, label = argument_name(field), field.label
    text = field.help or label
    if field.kind in ("picture", "mask"):
        for each in _picture_names(field):
            procedure.add_drawable_argument(each, label, text, True, _FLAGS)
    elif field.several or field.kind in ("text", "words", "model"):
        _add_text(procedure, field, name, text)
    elif field.kind in ("choice", "bool"):
        _add_choice(procedure, field, name, text)
    else:
        _add_number(procedure, field, name, text)


def value_of(config: Gimp.ProcedureConfig, field: Field) -> Any:
    """Return what was given for a field; None = not given. A mask comes as its drawable.

    Args:
        config: of the call.
        field: that the procedure has as an argument.
    """
    if field.several and field.kind == "picture":
        found = (config.get_property(name) for name in _picture_names(field))
        return [picture_of(each) for each in found if each is not None] or None
    given = config.get_property(argument_name(field))
    if given is None or given == "":
        return None
    if field.kind == "picture":
        return picture_of(given)
    if field.kind in ("choice", "bool"):
        return _chosen(str(given), field)
    if field.kind in ("number", "integer") and field.default is None and given < _low(field):
        return None
    return given


def text_of(value: Any) -> str:
    """Return words with numbers, or a list, as one line: "red: 1.5, house: 0.5"."""
    if isinstance(value, dict):
        return ", ".join(f"{word}: {number:g}" for word, number in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in value)
    return "" if value is None else str(value)


def _picture_names(field: Field) -> list[str]:
    """GIMP's arguments for lists may not be left out: each picture has one of its own."""
    name = argument_name(field)
    return [name, *(f"{name}-{n}" for n in range(2, _PICTURES + 1))] if field.several else [name]


def _add_text(procedure: Gimp.Procedure, field: Field, name: str, text: str) -> None:
    if field.kind == "words":
        text += " Written as red: 1.5, house: 0.5."
    elif field.several:
        text += " Several are parted by commas."
    default = text_of(field.default)
    procedure.add_string_argument(name, field.label, text, default, _FLAGS)


def _add_choice(procedure: Gimp.Procedure, field: Field, name: str, text: str) -> None:
    if field.kind == "bool" and field.default is not None:
        procedure.add_boolean_argument(name, field.label, text, bool(field.default), _FLAGS)
        return
    words = ("yes", "no") if field.kind == "bool" else field.choices
    choice = Gimp.Choice.new()
    default = str(field.default) if field.default in words else DEFAULT
    if default == DEFAULT:
        choice.add(DEFAULT, -1, "Default", "")
    for index, word in enumerate(words):
        choice.add(word, index, word.replace("_", " ").capitalize(), "")
    procedure.add_choice_argument(name, field.label, text, choice, default, _FLAGS)


def _add_number(procedure: Gimp.Procedure, field: Field, name: str, text: str) -> None:
    low, high = _low(field), field.high if field.high is not None else _LARGEST
    default = field.default
    if default is None:
        low = default = low - 1
        text += f" {low:g}: chosen for you."
    if field.kind == "integer":
        limits = (int(max(low, -_LARGEST)), int(min(high, _LARGEST)))
        procedure.add_int_argument(name, field.label, text, *limits, int(default), _FLAGS)
    else:
        limits = (float(low), float(high))
        procedure.add_double_argument(name, field.label, text, *limits, float(default), _FLAGS)


def _low(field: Field) -> float:
    return field.low if field.low is not None else -_LARGEST + 1


def _chosen(given: str, field: Field) -> Any:
    if field.kind == "bool":
        return {"yes": True, "True": True, "no": False, "False": False}.get(given)
    return None if given == DEFAULT else given
