"""One picture of a batch as the daemon is asked to edit it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from retouch.batch.choices import Choices, MaskSource, filled
from retouch.batch.formats.document import Document
from retouch.batch.formats.opening import open_document
from retouch.batch.inputs import Item
from retouch.batch.recipe_operations import files_of, operation_of
from retouch.batch.released import MEDIA_TYPE
from retouch.client.uploads import Picture
from retouch.errors import InvalidField
from retouch.imaging.convert import SRGB
from retouch.imaging.decode import read_mask
from retouch.imaging.image import Mask
from retouch.imaging.region import Rect, Size

_MEDIA_TYPES: Final = {
    "png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "tiff": "image/tiff",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Asked:
    """What the daemon is asked.

    Attributes:
        document: the opened picture.
        settings: as of ``AsyncClient.message``.
    """

    document: Document
    settings: dict[str, Any]

    @property
    def picture(self) -> Picture:
        """What is sent."""
        return self.document.picture


def asked_of(item: Item, folder: Path, batch: str) -> Asked:
    """Open a picture and say what to do with it.

    Args:
        item: the picture.
        folder: of the recipe.
        batch: name of the group of jobs.

    Raises:
        InvalidField, InvalidImage: the picture, its mask, or a reference cannot be used.
    """
    choices, document = item.choices, open_document(item.picture, item.choices)
    settings = edit_settings(choices, folder, item.picture)
    settings |= _where(choices, document, folder, item.picture)
    settings |= {"group": batch, "document_id": item.key[-128:], "priority": "batch"}
    if item.container:
        for field in ("depth", "profile"):
            if settings.pop(field) is not None:
                allowed, fix = f"unset for {item.picture.name}: it keeps its own", "leave it out"
                raise InvalidField(field, getattr(choices, field), allowed, fix)
        return Asked(document, settings | {"media_type": MEDIA_TYPE, "output": "patch"})
    return Asked(document, settings | {"media_type": _MEDIA_TYPES[item.format]})


def edit_settings(choices: Choices, folder: Path, picture: Path) -> dict[str, Any]:
    """Return what does not depend on the picture's content; its references are read.

    Args:
        choices: what to do.
        folder: of the recipe.
        picture: whose names stand in for ``{stem}`` and so on.

    Raises:
        InvalidField, InvalidImage: a file cannot be used.
    """
    size = choices.working_size
    return {
        "prompt": choices.prompt,
        "negative_prompt": choices.negative_prompt,
        "operations": [operation_of(step, folder, picture) for step in choices.operations],
        "feather": choices.feather,
        "padding": choices.padding,
        "model": choices.model,
        "steps": choices.steps,
        "sampler": choices.sampler,
        "seed": choices.seed_of(picture),
        "variants": choices.variants,
        "output": choices.output,
        "exact": choices.exact,
        "working_size": Size(*size) if isinstance(size, tuple) else size,
        "depth": choices.depth,
        "profile": _profile(choices.profile, folder, picture),
    }


def files_behind(choices: Choices, folder: Path, picture: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that an edit uses besides the picture, by its name.

    Raises:
        InvalidField: one cannot be read.
    """
    found = {}
    for pattern in _patterns(choices):
        name = filled(pattern, picture, "recipe")
        found[name] = hashlib.sha256(_bytes(folder / name, "recipe")).hexdigest()
    return found


def _patterns(choices: Choices) -> Iterator[str]:
    if choices.mask is not None and choices.mask.kind == "file":
        yield choices.mask.name
    if choices.profile not in (None, SRGB):
        assert choices.profile is not None
        yield choices.profile
    for step in choices.operations:
        yield from files_of(step)


def _where(choices: Choices, document: Document, folder: Path, picture: Path) -> dict[str, Any]:
    if choices.mask is not None:
        return {"mask": _mask(choices.mask, document, folder, picture)}
    if choices.region is None:
        return {}
    region = Rect(*choices.region)
    if choices.feather:  # the wire's feather is a mask's
        return {"mask": Mask.rectangle(document.size, region)}
    return {"region": region}


def _mask(source: MaskSource, document: Document, folder: Path, picture: Path) -> Mask | bytes:
    if source.kind != "file":
        return document.strength(source)
    file = folder / filled(source.name, picture, "mask")
    if not source.invert:
        return _bytes(file, "mask")
    strength = read_mask(file, field="mask").strength
    return Mask(np.float32(1) - strength)


def _profile(name: str | None, folder: Path, picture: Path) -> str | bytes | None:
    if name in (None, SRGB):
        return name
    assert name is not None
    return _bytes(folder / filled(name, picture, "profile"), "profile")


def _bytes(file: Path, field: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        fix = f"check the path, which begins at the recipe's folder ({problem.strerror})"
        raise InvalidField(field, str(file), "a readable file", fix) from problem
