"""The fields of a recipe: what each may hold, in the words of ``retouch edit`` and EditRequest."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from retouch.batch.choices import PER_FILE, MaskSource, filled
from retouch.batch.located_yaml import Located
from retouch.batch.recipe_operations import read_operations
from retouch.parameters import MAX_TEXT
from retouch.request import MAX_SEED, MAX_VARIANTS
from retouch.sampling.schedulers import MOST_STEPS

#: Reads a value at a path, or raises InvalidField.
Read = Callable[[Located, str, Any], Any]

DEPTHS: Final[Mapping[str, str]] = {
    "8": "uint8", "16": "uint16", "float": "float32",
    "uint8": "uint8", "uint16": "uint16", "float32": "float32",
}  # fmt: skip
OUTPUTS: Final = ("composite", "patch")
FORMATS: Final = ("png", "jpeg", "webp", "tiff", "psd", "exr")
_OTHER_NAMES: Final[Mapping[str, str]] = {
    "negative": "negative_prompt", "ops": "operations", "op": "operations",
    "working-size": "working_size", "image_format": "format",
}  # fmt: skip


def read_fields(said: Located, given: Mapping[str, Any], before: str) -> dict[str, Any]:
    """Return the fields of ``Choices`` that a map gives.

    Args:
        said: the file.
        given: the map.
        before: path of the map, with a dot where it is not the whole file.

    Raises:
        InvalidField: an unknown name, or a wrong value.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        path = before + name
        known = _OTHER_NAMES.get(name, name)
        if known == "patch":
            known, value = "output", "patch" if _truth(said, path, value) else "composite"
        if known not in NAMES:
            raise said.wrong(path, value, ", ".join(NAMES), "check the spelling")
        if known in found:
            raise said.wrong(path, value, f"{known} once", "keep one of the two names")
        found[known] = NAMES[known](said, path, value)
    if found.get("mask") is not None and found.get("region") is not None:
        fix = "give one of them"
        raise said.wrong(before + "region", list(found["region"]), "unset beside a mask", fix)
    return found


def _text(most: int = MAX_TEXT) -> Read:
    def read(said: Located, path: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > most:
            given = f"{len(value)} characters" if isinstance(value, str) else value
            raise said.wrong(path, given, f"text of at most {most} characters", "write a text")
        return value

    return read


def _pattern(most: int) -> Read:
    def read(said: Located, path: str, value: Any) -> str:
        text: str = _text(most)(said, path, value)
        filled(text, Path("picture.png"), said.where(path))
        return text

    return read


def _whole(low: int, high: int, unit: str = "") -> Read:
    def read(said: Located, path: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            allowed = f"a whole number in [{low}, {high}]{unit}"
            raise said.wrong(path, value, allowed, "choose one of these")
        return value

    return read


def _word(*known: str) -> Read:
    def read(said: Located, path: str, value: Any) -> str:
        if value not in known:
            raise said.wrong(path, value, ", ".join(known), "use one of these")
        return str(value)

    return read


def _truth(said: Located, path: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise said.wrong(path, value, "true or false", "write true or false")
    return value


def _seed(said: Located, path: str, value: Any) -> int | str:
    if value == PER_FILE:
        return PER_FILE
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value)  # as plugins write one that no number of JavaScript holds
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEED:
        allowed = f"a whole number in [0, {MAX_SEED}], or {PER_FILE}"
        raise said.wrong(path, value, allowed, "choose one of these")
    return value


def _depth(said: Located, path: str, value: Any) -> str:
    word = str(value)
    if isinstance(value, bool) or word not in DEPTHS:
        raise said.wrong(path, value, ", ".join(DEPTHS), "use one of these")
    return DEPTHS[word]


def _region(said: Located, path: str, value: Any) -> tuple[int, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    try:
        x, y, width, height = (int(part) for part in parts)
    except (TypeError, ValueError):
        width = height = 0
    if width < 1 or height < 1:
        allowed = "X,Y,W,H: four whole numbers, W and H at least 1"
        raise said.wrong(path, value, allowed, "for example [10, 20, 64, 64]")
    return (x, y, width, height)


def _working_size(said: Located, path: str, value: Any) -> int | tuple[int, int]:
    pair = isinstance(value, list) and len(value) == 2
    sides = [str(side) for side in value] if pair else str(value).lower().split("x")
    if isinstance(value, bool) or len(sides) > 2 or not all(s.isdecimal() for s in sides):
        raise said.wrong(path, value, "N or WxH, in pixels", "for example 512, or 512x384")
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def _mask(said: Located, path: str, value: Any) -> MaskSource:
    if value == "alpha":
        return MaskSource("alpha")
    if isinstance(value, str) and value:
        return MaskSource("file", _pattern(1000)(said, path, value))
    allowed = "alpha, a file's name, or one of file, alpha, layer, with invert beside it"
    fix = "for example `mask: masks/{stem}.png`"
    if not isinstance(value, dict) or set(value) - {"file", "alpha", "layer", "invert"}:
        raise said.wrong(path, value, allowed, fix)
    invert = _truth(said, path + ".invert", value.get("invert", False))
    kinds = [kind for kind in ("file", "alpha", "layer") if kind in value]
    if len(kinds) != 1:
        raise said.wrong(path, value, allowed, fix)
    if kinds[0] == "alpha":
        if not _truth(said, path + ".alpha", value["alpha"]):
            raise said.wrong(path + ".alpha", False, "true", "leave mask out instead")
        return MaskSource("alpha", invert=invert)
    name = value[kinds[0]]
    if not isinstance(name, str) or not name:
        raise said.wrong(f"{path}.{kinds[0]}", name, "a name", "write a text")
    if kinds[0] == "file":
        return MaskSource("file", _pattern(1000)(said, path + ".file", name), invert)
    return MaskSource("layer", name, invert)


def _stops(said: Located, path: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not -20 <= value <= 20:
        raise said.wrong(path, value, "a number in [-20, 20] stops", "choose one of these")
    return float(value)


def _optional(read: Read) -> Read:
    return lambda said, path, value: None if value is None else read(said, path, value)


#: Name of a field -> how it is read.
NAMES: Final[Mapping[str, Read]] = {
    "prompt": _text(),
    "negative_prompt": _text(),
    "operations": read_operations,
    "mask": _optional(_mask),
    "region": _optional(_region),
    "feather": _whole(0, 4096, " pixels"),
    "padding": _optional(_whole(0, 65536, " pixels")),
    "model": _text(200),
    "steps": _optional(_whole(1, MOST_STEPS)),
    "sampler": _text(100),
    "seed": _seed,
    "variants": _whole(1, MAX_VARIANTS),
    "output": _word(*OUTPUTS),
    "exact": _truth,
    "working_size": _optional(_working_size),
    "depth": _optional(_depth),
    "profile": _optional(_pattern(1000)),
    "layer": _text(200),
    "result_layer": _text(200),
    "color_space": _text(200),
    "exposure": _stops,
    "format": _word(*FORMATS),
    "name": _pattern(200),
}
