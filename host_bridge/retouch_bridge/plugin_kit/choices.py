"""What a person chose, whatever the picture is; as a recipe, and back from a result.

A recipe has the names of ``retouch batch``'s recipes; its JSON is YAML, too.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields
from typing import Any

#: The form of recipes that this version writes and reads.
VERSION = 1
_PER_FILE = "per-file"
#: Choice -> name in a recipe; what is not here is a host's own and no part of a recipe.
_NAMES = {
    "prompt": "prompt",
    "negative": "negative_prompt",
    "model": "model",
    "variants": "variants",
    "seed": "seed",
    "steps": "steps",
    "sampler": "sampler",
    "feather": "feather",
    "working_size": "working_size",
}
_WORDS = ("prompt", "negative", "model", "sampler")
_DIGITS = re.compile("[0-9]{1,19}")
#: The largest whole number that JavaScript, and so any reader of JSON, holds.
_MOST_NUMBER = 2**53 - 1
#: The largest seed that the daemon takes. What it draws itself is below 2^31.
MOST_SEED = 2**63 - 1
_RANGES = {"variants": (1, 16), "steps": (1, 250), "feather": (0, 4096), "seed": (0, MOST_SEED)}


@dataclass(frozen=True)
class OperationChoice:
    """One operation of the catalogue with its parameters.

    Attributes:
        name: in the catalogue: "sdedit".
        parameters: by their names in the catalogue; ``start`` and ``stop`` among them. Numbers,
            texts, truths, lists of these, word weights (dict), ``Picture`` or a list of them for
            pictures; bytes of the crop's size (one per pixel) for masks; the one named "mask" says
            where the operation acts. References to pictures that the daemon has stand for pictures.
            None = the default.
    """

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Choices:
    """What a person chose, whatever the picture is.

    Attributes:
        prompt, negative: texts.
        model: name of an installed model; empty = the daemon's default.
        operations: the techniques, in any combination.
        variants: 1 to 16.
        seed: of the first variant; None = the daemon draws one and tells it.
        steps: None = the model's own.
        sampler: empty = the model's own.
        preview_every: a preview every so many steps; 0 = none.
        preview_side: longest side of previews in pixels, 64 to 1024.
        grow: pixels by which the mask grows, -1024 to 1024.
        feather: pixels over which the mask's edge fades inwards, 0 to 4096.
        working_size: longer side, or width and height, at which the model works; 0 = it chooses.
        priority: "interactive", "live" or "batch".
        group: jobs that can be cancelled or replaced together; empty = none.
    """

    prompt: str = ""
    negative: str = ""
    model: str = ""
    operations: tuple[OperationChoice, ...] = ()
    variants: int = 1
    seed: int | None = None
    steps: int | None = None
    sampler: str = ""
    preview_every: int = 2
    preview_side: int = 256
    grow: float = 0
    feather: float = 0
    working_size: int | tuple[int, int] = 0
    priority: str = "interactive"
    group: str = ""

    def to_recipe(self) -> dict[str, Any]:
        """Return it as a recipe in plain JSON; what is as by default is left out.

        Pictures that are not uploaded yet have no name: they are left out. Those of a result's
        ``choices_of`` are references to the daemon's blobs.
        """
        found: dict[str, Any] = {"recipe": VERSION}
        for mine, name in _NAMES.items():
            value = getattr(self, mine)
            if value != _DEFAULTS[mine]:
                found[name] = list(value) if isinstance(value, tuple) else value
        if self.seed is None:
            found["seed"] = _PER_FILE
        elif self.seed > _MOST_NUMBER:
            found["seed"] = str(self.seed)
        if self.feather:
            found["feather"] = int(self.feather + 0.5)
        found["operations"] = [{each.name: _plain(each.parameters)} for each in self.operations]
        return found

    @classmethod
    def of_recipe(cls, recipe: dict[str, Any]) -> Choices:
        """Return the choices of a recipe. Raises ValueError: one sentence naming the field."""
        if not isinstance(recipe, dict) or recipe.get("recipe", VERSION) != VERSION:
            raise ValueError(f"This is no recipe of form {VERSION}. Fix: use a newer Retouch.")
        known = {name: mine for mine, name in _NAMES.items()}
        found: dict[str, Any] = {}
        for name, value in recipe.items():
            if name in known:
                found[known[name]] = _checked(name, known[name], value)
        operations = recipe.get("operations", [])
        if not isinstance(operations, list):
            raise ValueError("operations is no list. Fix: write a list of operations.")
        return cls(operations=tuple(_operation(each) for each in operations), **found)


_DEFAULTS = {each.name: each.default for each in fields(Choices)}


def choices_of(effective: dict[str, Any]) -> Choices:
    """Return the choices of a result's ``effective`` (``retouch.v1.EffectiveParameters``): replay.

    Every default is written out, so the same choices on the same pixels give the same edit.
    Pictures stay references to the daemon's blobs.
    """
    request = effective.get("request", {})
    prompt, sampling = request.get("prompt", {}), request.get("sampling", {})
    mask, output = request.get("mask", {}), request.get("output", {})
    preview, working = output.get("preview", {}), request.get("canvas", {}).get("workingSize", {})
    size = working.get("size")
    seeds = sampling.get("seeds") or []
    return Choices(
        prompt=str(prompt.get("text", "")),
        negative=str(prompt.get("negative", "")),
        model=str(request.get("model", "")),
        operations=tuple(_of_message(each) for each in request.get("operations", [])),
        variants=int(output.get("count", 1)),
        seed=int(seeds[0]) if seeds else None,
        steps=int(sampling["steps"]) if "steps" in sampling else None,
        sampler=str(sampling.get("sampler", "")),
        preview_every=int(preview.get("everySteps", 0)),
        preview_side=int(preview.get("maxSidePx", 256)),
        grow=float(mask.get("growPx", 0)),
        feather=float(mask.get("featherPx", 0)),
        working_size=(int(size["width"]), int(size["height"]))
        if size
        else int(working.get("longSidePx", 0)),
    )


def _of_message(message: dict[str, Any]) -> OperationChoice:
    """An operation of a request in JSON form: by name, or of a message of its own."""
    parameters: dict[str, Any] = {
        name: message[name] for name in ("start", "stop") if name in message
    }
    if "region" in message:
        parameters["mask"] = message["region"]
    custom = message.get("custom")
    if custom is not None:
        parameters.update(custom.get("parameters", {}))
        for name, images in custom.get("images", {}).items():
            several = images.get("images", [])
            parameters[name] = several if len(several) != 1 else several[0]
        parameters.update(custom.get("masks", {}))
        return OperationChoice(str(custom.get("name", "")), parameters)
    kind = next((key for key in message if key not in ("region", "start", "stop")), "")
    name = _snake(kind)
    for key, value in message.get(kind, {}).items():
        parameters[_snake(key)] = _word(value, f"{name}_{_snake(key)}_".upper())
    return OperationChoice(name, parameters)


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda found: "_" + found.group().lower(), name)


def _word(value: Any, prefix: str) -> Any:
    """The word of a choice: enums carry their names before it."""
    if isinstance(value, str) and value.startswith(prefix):
        return value[len(prefix) :].lower()
    return value


def _plain(value: Any) -> Any:
    """What plain JSON can hold of parameters: pictures and masks without a name are left out."""
    if isinstance(value, dict):
        kept = {name: _plain(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [each for each in map(_plain, value) if each is not None]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # what the daemon tells has no whole numbers, and some must be
    return value if isinstance(value, (str, bool, int, float)) else None


def _operation(given: Any) -> OperationChoice:
    if isinstance(given, str):
        return OperationChoice(given)
    one = list(given.items()) if isinstance(given, dict) else []
    if len(one) != 1 or not isinstance(one[0][1], (dict, type(None))):
        raise ValueError(f"operations: got {given!r}. Fix: write {{name: {{parameter: value}}}}.")
    return OperationChoice(str(one[0][0]), dict(one[0][1] or {}))


def _checked(name: str, mine: str, value: Any) -> Any:
    """A recipe's value. Raises ValueError."""
    if mine in _WORDS:
        if isinstance(value, str):
            return value
        raise ValueError(f"{name}: got {value!r}. Fix: write a text.")
    if mine == "seed" and value in (_PER_FILE, None):
        return None
    if mine == "steps" and value is None:
        return None
    low, high = _RANGES.get(mine, (0, 65536))
    if mine == "seed" and _DIGITS.fullmatch(str(value)):
        value = int(value)  # a text where no number of JavaScript holds it
    if mine == "working_size" and isinstance(value, (list, tuple)) and len(value) == 2:
        if all(_fits(each, low, high) for each in value):
            return (int(value[0]), int(value[1]))
    elif _fits(value, low, high):
        return int(value)
    got, allowed = json.dumps(value, separators=(",", ":")), f"whole numbers, {low} to {high}"
    raise ValueError(f"{name}: got {got}; allowed: {allowed}. Fix: choose another.")


def _fits(value: Any, low: int, high: int) -> bool:
    """Whether it is a whole number in a range; so is the 4.0 of readers without whole numbers."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    exact = isinstance(value, int) or value <= _MOST_NUMBER
    return exact and low <= value <= high and value == int(value)
