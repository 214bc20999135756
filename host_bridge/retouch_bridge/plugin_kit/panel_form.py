"""A panel from the catalogue: modes that people know, and the fields of every operation.

A host draws ``Field`` by ``Field`` with its own widgets and gives the values back by key.
Operations that this file does not know are offered in the mode "combine", with all their fields.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .choices import Choices
from .form_fields import (
    Catalog,
    Field,
    described,
    edit_fields,
    models_of_kind,
    native_size,
    operation_fields,
    side_fields,
)
from .form_values import filled, names_of, values_of

__all__ = [
    "Catalog",
    "Field",
    "Mode",
    "choices",
    "mode_of",
    "modes",
    "native_size",
    "operation_fields",
    "sentence",
    "values_of",
]


class Mode(NamedTuple):
    """One way to edit, as people know it.

    Attributes:
        name: "fill", "expand", "restyle", "instruct", "swap", "reference", "control", "combine".
        title: for people: "Fill selection".
        help: one sentence.
        operations: names of the operations that it runs; of "combine" all that can be chosen.
        needs: what the host must have: "selection" (else the mode acts on the whole layer),
            "sides" (pixels to add on each side), "picture" (a reference or control layer).
        fields: of the edit and its operations, in the order of the panel.
        missing: why it cannot be used here, one sentence; empty = it can.
        optional: names of operations that run, too, where one of their fields is given.
    """

    name: str
    title: str
    help: str
    operations: tuple[str, ...]
    needs: tuple[str, ...]
    fields: tuple[Field, ...]
    missing: str
    optional: tuple[str, ...] = ()


class _Known(NamedTuple):
    name: str
    title: str
    operations: tuple[str, ...]
    needs: tuple[str, ...]
    help: str
    prompt: str = "Prompt"


_MODES = (
    _Known("fill", "Fill selection", ("soft_mask",), ("selection",),
           "Fills the selection with what the prompt says, in the style around it."),
    _Known("expand", "Expand canvas", ("soft_mask",), ("sides",),
           "Makes the canvas larger and paints what may lie beyond its edges."),
    _Known("restyle", "Restyle", ("sdedit",), (),
           "Paints the layer again as the prompt says; strength says how freely."),
    _Known("instruct", "Instruct", ("instruct_pix2pix",), (),
           "Does what you tell it: \u201cmake it night\u201d.", "Instruction"),
    _Known("swap", "Swap a word", ("prompt_to_prompt",), (),
           "Changes what differs between two descriptions and keeps the picture.",
           "What it shall show"),
    _Known("reference", "Reference picture", ("ip_adapter", "sdedit"), ("picture",),
           "Paints the layer again after the look of other pictures."),
    _Known("control", "Control picture", ("t2i_adapter",), ("picture",),
           "Paints something new along the edges, drawing, colours or depth of a picture."),
)  # fmt: skip
_COMBINE = _Known("combine", "Combine", (), (), "Any operations together, with all their choices.")
#: Operations that suit every mode; they run where one of their fields is given.
_OPTIONAL = ("guidance", "best_of")
_MODELS = {
    "ip_adapter": ("IP_ADAPTER", "IP-Adapter"),
    "t2i_adapter": ("T2I_ADAPTER", "T2I-Adapter"),
}


def modes(catalog: Catalog) -> list[Mode]:
    """Return the modes of a catalogue (``Retouch.describe``), in the order of the panel."""
    every = tuple(str(each.get("name", "")) for each in catalog.get("operations", []))
    return [_mode(catalog, known) for known in _MODES] + [
        _mode(catalog, _COMBINE._replace(operations=every))
    ]


def choices(
    mode: Mode,
    values: dict[str, Any],
    operations: list[str] | None = None,
    selected: bool = False,
) -> Choices:
    """Return the choices of a filled form.

    Args:
        mode: the chosen one.
        values: by field key; missing or None = default. Pictures are ``edit_request.Picture``.
        operations: of "combine": the chosen ones.
        selected: whether there is a selection: outside of it everything then stays as it is at
            every step (``soft_mask``), in every mode, not only afterwards.

    Raises:
        ValueError: a required field is empty, a number is out of range; one sentence naming it.
    """
    run = list(mode.operations if operations is None else operations)
    if mode.name == "combine" and operations is None:
        run = [name for name in mode.operations if _given(name, values)]
    if selected and "soft_mask" not in run:
        run.append("soft_mask")
    if not run:
        raise ValueError("No operation is chosen. Fix: choose at least one.")
    return filled(list(mode.fields), run, values, list(mode.optional))


def mode_of(chosen: Choices) -> str:
    """Return the name of the mode that choices belong to; "combine" where none fits."""
    beside = [*_OPTIONAL, "soft_mask"]
    found = set(names_of(chosen, beside))
    if not found:
        return "fill" if "soft_mask" in names_of(chosen) else "combine"
    fits = (known.name for known in _MODES if set(known.operations) - set(beside) == found)
    return next(fits, "combine")


def sentence(error: BaseException) -> str:
    """Return an error in one sentence, with the fields named as the panel does."""
    words = " ".join(str(error).split()) or type(error).__name__
    return _PATH.sub(_named, words)


#: Paths of a request's fields, as they travel.
_PATH = re.compile(
    r"operations\[\d+\]\.(?:custom\.(?:parameters|images|masks)|\w+)\.(\w+)(?:\[\d+\])?"
    r"|(?<![\w.])(prompt\.text|prompt\.negative|canvas\.selection|sampling\.\w+|output\.count|mask)"
    r"(?=:)"
)
_PATH_LABELS = {
    "prompt.text": "Prompt",
    "prompt.negative": "Avoid",
    "canvas.selection": "Selection",
    "mask": "Selection",
    "sampling.seeds": "Seed",
    "sampling.steps": "Steps",
    "sampling.sampler": "Sampler",
    "output.count": "Variants",
}


def _named(found: Any) -> str:
    name = found.group(1) or found.group(2)
    return _PATH_LABELS.get(name) or str(name).replace("_", " ").capitalize()


def _given(operation: str, values: dict[str, Any]) -> bool:
    before = operation + "."
    return any(key.startswith(before) and value is not None for key, value in values.items())


def _mode(catalog: Catalog, known: _Known) -> Mode:
    optional = tuple(n for n in _OPTIONAL if n not in known.operations and described(catalog, n))
    fields = edit_fields(catalog, known.prompt)
    if "sides" in known.needs:
        fields = fields[:1] + side_fields() + fields[1:]
    beside = optional if known.name == "combine" else (*optional, "soft_mask")
    for name in dict.fromkeys((*known.operations, *beside)):
        fields += operation_fields(catalog, name)
    simple = [each for each in fields if each.simple]
    ordered = simple + [each for each in fields if not each.simple]
    missing = _missing(catalog, known)
    return Mode(
        *(known.name, known.title, known.help, known.operations, known.needs),
        *(tuple(ordered), missing, optional),
    )


def _missing(catalog: Catalog, known: _Known) -> str:
    for name in known.operations:
        if described(catalog, name) is None:
            return f"The operation {name} is not installed. Fix: install the package that has it."
        kind, words = _MODELS.get(name, ("", ""))
        if kind and not models_of_kind(catalog, kind) and known.name != "combine":
            return f"No {words} is installed. Fix: install one, see `retouch models`."
    follows = any(each.get("followsInstructions") for each in catalog.get("models", []))
    if known.name == "instruct" and not follows:
        return "No model that follows instructions is installed. Fix: see `retouch models`."
    return ""
