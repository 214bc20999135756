"""What a recipe says about one picture: the words of ``retouch edit``, checked and in one form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from retouch.errors import InvalidField
from retouch.request import MAX_SEED

#: ``seed`` of a recipe that gives every picture one of its own, by its name.
PER_FILE: Final = "per-file"

Size2 = tuple[int, int]


@dataclass(frozen=True, slots=True)
class MaskSource:
    """Where a picture's mask comes from.

    Attributes:
        kind: ``file``, ``alpha`` of the picture itself, or ``layer`` of its document.
        name: pattern of the file's name, see :func:`filled`, or the layer's; empty for ``alpha``.
        invert: black is edited.
    """

    kind: Literal["file", "alpha", "layer"]
    name: str = ""
    invert: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """An operation by name; its pictures and masks are patterns of files' names."""

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """One edit, but for its picture. Most are those of ``retouch.EditRequest``; beyond them:

    Attributes:
        operations: in any order.
        mask: where to edit.
        region: x, y, width, height in canvas pixels.
        seed: a number, or ``per-file``.
        profile: ``srgb``, or the pattern of a profile's file name.
        layer: of a PSD, the layer or group that is edited, as NAME or GROUP/NAME; of an EXR, the
            layer or part. Empty: the whole picture.
        result_layer: name of the layer that takes the result in a PSD or an EXR.
        color_space: of an EXR, OpenColorIO's name of it; empty reads the file's header.
        exposure: stops by which an EXR is made brighter for the edit, and darker again afterwards.
        format: of the file to write; empty keeps the picture's own.
        name: pattern of the file's name to write, without suffix.
    """

    prompt: str = ""
    negative_prompt: str = ""
    operations: tuple[Step, ...] = ()
    mask: MaskSource | None = None
    region: tuple[int, int, int, int] | None = None
    feather: int = 0
    padding: int | None = None
    model: str = ""
    steps: int | None = None
    sampler: str = ""
    seed: int | str = 0
    variants: int = 1
    output: str = "composite"
    exact: bool = False
    working_size: int | Size2 | None = None
    depth: str | None = None
    profile: str | None = None
    layer: str = ""
    result_layer: str = ""
    color_space: str = ""
    exposure: float = 0.0
    format: str = ""
    name: str = "{stem}"

    def seed_of(self, picture: Path) -> int:
        """Return the seed of a picture: ``per-file`` depends on its name alone."""
        if isinstance(self.seed, int):
            return self.seed
        digest = hashlib.sha256(picture.name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:4], "big") % MAX_SEED

    def digest(self, files: Mapping[str, str]) -> str:
        """Return the SHA-256 of all that decides the result but the picture.

        Args:
            files: name of each further file that is used -> SHA-256 of its content.
        """
        said = {"choices": asdict(self), "files": dict(files)}
        text = json.dumps(said, sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def filled(pattern: str, picture: Path, field: str) -> str:
    """Return a pattern with a picture's names in it.

    Args:
        pattern: with ``{stem}``, ``{name}`` (with suffix), ``{suffix}`` (without dot),
            ``{parent}`` (name of its folder) and ``{folder}`` (path of its folder).
        picture: the picture's path.
        field: for the error.

    Raises:
        InvalidField: other words in braces.
    """
    words = {
        "stem": picture.stem,
        "name": picture.name,
        "suffix": picture.suffix.removeprefix("."),
        "parent": picture.resolve().parent.name,
        "folder": str(picture.parent),
    }
    try:
        return pattern.format_map(words)
    except (KeyError, ValueError, IndexError, AttributeError, TypeError):
        allowed = ", ".join(f"{{{word}}}" for word in words)
        fix = "write {{ and }} for braces that stand for themselves"
        raise InvalidField(field, pattern, f"text with {allowed}", fix) from None
