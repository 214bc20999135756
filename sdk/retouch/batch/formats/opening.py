"""Which document a file is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from retouch.batch.choices import Choices
from retouch.batch.formats.document import Document
from retouch.batch.formats.flat import FlatDocument
from retouch.errors import InvalidField
from retouch_safety.encode import SUFFIXES
from retouch_safety.inspection import Decoded

#: Suffix -> format, as recipes name it.
FORMATS: Final = {suffix: kind.lower() for suffix, kind in SUFFIXES.items()} | {
    ".psd": "psd", ".psb": "psd", ".exr": "exr",
}  # fmt: skip
CONTAINERS: Final = ("psd", "exr")


def format_of(file: Path) -> str:
    """Return a file's format by its suffix. Raises InvalidField."""
    found = FORMATS.get(file.suffix.lower())
    if found is None:
        raise InvalidField("input", str(file), ", ".join(FORMATS), "export it in one of these")
    return found


def open_document(file: Path, choices: Choices) -> Document:
    """Open a picture.

    Raises:
        InvalidField, InvalidImage: another format, no such layer, a damaged file, a missing extra.
    """
    kind = format_of(file)
    if kind not in CONTAINERS and choices.layer:
        fix = "leave layer out, or give it to the documents alone under `inputs`"
        raise InvalidField("layer", choices.layer, f"unset for {file.name}", fix)
    if kind == "exr":
        from retouch.batch.formats.exr import ExrDocument

        return ExrDocument(file, choices)
    try:
        data = file.read_bytes()
    except OSError as problem:
        fix = f"check the path and its permissions ({problem.strerror})"
        raise InvalidField("input", str(file), "a readable file", fix) from problem
    if kind == "psd":
        from retouch.batch.formats.psd import PsdDocument

        return PsdDocument(data, file, choices.layer)
    return FlatDocument(data, file)


def layers_to_verify(file: Path) -> Iterator[tuple[str, Decoded]]:
    """Yield name and pixels of what a container may carry marks in.

    Raises:
        InvalidField, InvalidImage: as of :func:`open_document`.
    """
    if format_of(file) == "exr":
        from retouch.batch.formats.exr import released_layers

        return released_layers(file)
    from retouch.batch.formats import psd

    return psd.released_layers(file.read_bytes(), file)
