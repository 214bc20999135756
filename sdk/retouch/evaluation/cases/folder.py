"""Cases from a user's own folder: pictures, prompts and masks, listed in one mapping file.

``mapping.json``, ``mapping.yaml``, ``mapping.csv`` or PIE-Bench's own ``mapping_file.json`` (Ju et
al. 2023, arXiv 2310.01506): a list of entries, or entries by name. Their fields, PIE-Bench's names
in brackets: ``picture`` (``image_path``), ``source`` (``original_prompt``), ``target``
(``editing_prompt``), ``instruction`` (``editing_instruction``), ``mask`` (a picture's path, or
PIE-Bench's run lengths), ``reference`` (a picture's path), ``kind`` (``editing_type_id``). Paths
are relative to the folder, or to its ``annotation_images``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from retouch.errors import InvalidField
from retouch.evaluation.cases.case import Case
from retouch.imaging.decode import read_image, read_mask
from retouch.imaging.image import Floats

NAMES: Final = ("mapping.json", "mapping_file.json", "mapping.yaml", "mapping.yml", "mapping.csv")
#: Field -> the names it may have in a file.
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "picture": ("picture", "image_path", "image"),
    "source": ("source", "original_prompt", "source_prompt"),
    "target": ("target", "editing_prompt", "target_prompt"),
    "instruction": ("instruction", "editing_instruction"),
    "mask": ("mask",),
    "reference": ("reference",),
    "kind": ("kind", "editing_type_id"),
}
SHOWN: Final = 10
#: PIE-Bench's pictures, to whose pixels its run lengths refer.
_PIE_SIDE: Final = 512
_OTHER: Final = ("blended_word", "name", "id")


@dataclass(frozen=True)
class Entry:
    """One line of the mapping, its fields checked; paths exist."""

    name: str
    picture: Path
    source: str
    target: str
    instruction: str
    mask: Path | tuple[int, ...] | None
    reference: Path | None
    kind: str


@dataclass(frozen=True)
class Folder:
    """A user's cases; pictures are read when they are needed.

    Attributes:
        path: of the folder.
        entries: in the file's order.
    """

    path: Path
    entries: tuple[Entry, ...]

    def names(self, kinds: Sequence[str], count: int) -> list[str]:
        """Return the names of the first ``count`` cases; the user's kinds are not ours."""
        return [entry.name for entry in self.entries[:count]]

    def shows(self, name: str) -> bool:
        """Return whether a case's pictures are kept for the report: those of the first ten."""
        return any(entry.name == name for entry in self.entries[:SHOWN])

    def case(self, name: str) -> Case:
        """Read a case. Raises InvalidImage."""
        number = next(i for i, entry in enumerate(self.entries) if entry.name == name)
        entry = self.entries[number]
        picture = _picture(entry.picture, f"{name}.picture")
        mask = _mask(entry, picture)
        return Case(
            name=name,
            kind=entry.kind,
            before=picture,
            source_prompt=entry.source,
            target_prompt=entry.target,
            instruction=entry.instruction,
            mask=None if mask is None else (mask > 0).astype(np.float32),
            hole=mask,
            reference=None
            if entry.reference is None
            else _picture(entry.reference, f"{name}.reference"),
            seed=number,
        )

    def __str__(self) -> str:
        return f"{self.path.name}: {len(self.entries)} pictures of a folder"

    def __repr__(self) -> str:
        return f"Folder({str(self.path.resolve())!r})"


def read_folder(path: Path) -> Folder:
    """Read a folder's mapping and check every entry; pictures are read later.

    Raises:
        InvalidField: naming the entry and its field, the value, what is allowed and the fix.
    """
    if not path.is_dir():
        raise InvalidField("--folder", str(path), "a folder", "name the folder with the mapping")
    file = next((path / name for name in NAMES if (path / name).is_file()), None)
    if file is None:
        allowed = f"a folder with one of {', '.join(NAMES)}"
        raise InvalidField("--folder", str(path), allowed, "list its pictures in mapping.json")
    rows = _rows(file)
    if not rows:
        raise InvalidField(file.name, "no entries", "at least one", "list a picture")
    entries = tuple(_entry(path, name, row) for name, row in rows)
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            raise InvalidField(f"{entry.name}.name", entry.name, "every name once", "rename one")
        seen.add(entry.name)
    return Folder(path, entries)


def _rows(file: Path) -> list[tuple[str, Mapping[str, Any]]]:
    readers: dict[str, Callable[[str], Any]] = {".json": json.loads, ".csv": _csv}
    read = readers.get(file.suffix, _yaml)
    try:
        found = read(file.read_text("utf-8-sig"))
    except (ValueError, OSError) as problem:
        kind = file.suffix[1:].upper()
        raise InvalidField(file.name, str(problem), f"valid {kind}", "repair the file") from problem
    if isinstance(found, Mapping):
        named = [(str(name), row) for name, row in found.items()]
    elif isinstance(found, list):
        named = [(_name(row, index), row) for index, row in enumerate(found)]
    else:
        named = []
        raise InvalidField(
            file.name, type(found).__name__, "a list of entries, or entries by name", "rewrite it"
        )
    for name, row in named:
        if not isinstance(row, Mapping):
            allowed = "fields and values"
            raise InvalidField(
                f"{file.name}: {name}", row, allowed, "write picture: FILE and so on"
            )
    return named


def _name(row: Any, index: int) -> str:
    given = row.get("name") or row.get("id") if isinstance(row, Mapping) else None
    return str(given) if given else f"entry-{index + 1:04d}"


def _csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines(), skipinitialspace=True))


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError as problem:
        fix = "pip install 'retouch[eval]', or write mapping.json"
        raise InvalidField("mapping.yaml", "a YAML file", "PyYAML installed", fix) from problem
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise ValueError(" ".join(str(problem).split())) from problem


def _entry(folder: Path, name: str, row: Mapping[str, Any]) -> Entry:
    known = {alias for aliases in FIELDS.values() for alias in aliases} | set(_OTHER)
    for field in row:
        if field not in known:
            allowed = ", ".join(FIELDS)
            raise InvalidField(f"{name}.{field}", row[field], allowed, "rename or drop the field")
    if "/" in name or "\\" in name or name.startswith("."):
        raise InvalidField(f"{name}.name", name, "a name without slashes", "rename it")
    words = {field: _text(name, row, field) for field in ("source", "target", "instruction")}
    if not words["target"] and not words["instruction"]:
        fix = "describe the result in target, or write an instruction"
        raise InvalidField(f"{name}.target", "nothing", "target or instruction", fix)
    picture = _path(folder, name, "picture", _value(row, "picture"))
    if picture is None:
        raise InvalidField(f"{name}.picture", None, "a picture's file name", "name the picture")
    return Entry(
        name=name,
        picture=picture,
        # PIE-Bench puts the changed words into square brackets.
        source=words["source"].replace("[", "").replace("]", ""),
        target=words["target"].replace("[", "").replace("]", ""),
        instruction=words["instruction"],
        mask=_mask_entry(folder, name, _value(row, "mask")),
        reference=_path(folder, name, "reference", _value(row, "reference")),
        kind=_text(name, row, "kind") or "own",
    )


def _value(row: Mapping[str, Any], field: str) -> Any:
    return next((row[alias] for alias in FIELDS[field] if row.get(alias) not in (None, "")), None)


def _text(name: str, row: Mapping[str, Any], field: str) -> str:
    value = _value(row, field)
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise InvalidField(f"{name}.{field}", value, "text", "write it in quotes")
    return str(value).strip()


def _path(folder: Path, name: str, field: str, value: Any) -> Path | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidField(f"{name}.{field}", value, "a file name", "write the picture's file name")
    for place in (folder, folder / "annotation_images"):
        if (place / value).is_file():
            return place / value
    allowed = f"a file in {folder}"
    raise InvalidField(f"{name}.{field}", value, allowed, "correct the name, or add the file")


def _mask_entry(folder: Path, name: str, value: Any) -> Path | tuple[int, ...] | None:
    if isinstance(value, str) and value.replace(" ", "").isdigit():
        value = [int(part) for part in value.split()]
    if not isinstance(value, list):
        return _path(folder, name, "mask", value)
    if len(value) % 2 or not all(isinstance(part, int) and part >= 0 for part in value):
        allowed = "pairs of whole numbers, start and length"
        raise InvalidField(f"{name}.mask", value, allowed, "give a mask picture instead")
    return tuple(value)


def _picture(path: Path, field: str) -> Floats:
    return np.asarray(np.rint(read_image(path, field=field).srgb() * 255) / 255, np.float32)


def _mask(entry: Entry, picture: Floats) -> Floats | None:
    if entry.mask is None:
        return None
    height, width = picture.shape[:2]
    if isinstance(entry.mask, tuple):
        mask = run_lengths(entry.mask, _PIE_SIDE)
    else:
        mask = np.asarray(read_mask(entry.mask, field=f"{entry.name}.mask").strength)
    if mask.shape != (height, width):
        found = f"{mask.shape[1]}x{mask.shape[0]}"
        allowed = f"{width}x{height}, the picture's size"
        fix = "export the mask at the picture's size"
        raise InvalidField(f"{entry.name}.mask", found, allowed, fix)
    return mask


def run_lengths(pairs: Sequence[int], side: int) -> Floats:
    """Return the (side, side) mask of PIE-Bench's runs: start and length, row by row."""
    mask = np.zeros(side * side, np.float32)
    for start, length in zip(pairs[::2], pairs[1::2], strict=True):
        mask[start : start + length] = 1
    return mask.reshape(side, side)
