"""What a request asks of the gate before anything runs."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np

from retouch_safety.content import Pixels, check_pixels, frozen
from retouch_safety.errors import InvalidContent, InvalidInput
from retouch_safety.prompts.fields import PromptFields
from retouch_safety.receipt import digest_of

DOCUMENT: Final = "image"
"""Name of the picture that is edited, among the pictures of a job."""

_ID: Final = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_NAME: Final = re.compile(r"[\w.,:/+@=#-]{1,80}", re.ASCII)
_MOST_OPERATIONS: Final = 64
_MOST_PICTURES: Final = 256


@dataclass(frozen=True, eq=False, repr=False)
class InputPicture:
    """A picture that a request brings along.

    Attributes:
        pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32`` where 1.0 is white.
        alpha: H x W opacity at the same depth, or None.
        icc: ICC profile bytes of the RGB values, or None.

    Raises:
        InvalidContent: wrong shape, depth, or values that are not finite.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    icc: bytes | None = None

    def __post_init__(self) -> None:
        check_pixels(self.pixels, self.alpha)
        for name in ("pixels", "alpha"):
            array = getattr(self, name)
            if array is None:
                continue
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise InvalidContent("need finite pixels, got NaN or infinity")
            object.__setattr__(self, name, frozen(array))

    def digest(self) -> str:
        """Return a SHA-256 of pixels, opacity and profile, to know a picture again."""
        profile = b"" if self.icc is None else self.icc
        return digest_of(self.pixels, self.alpha) + hashlib.sha256(profile).hexdigest()


@dataclass(frozen=True, eq=False, repr=False)
class Job:
    """One request, as the gate sees it.

    Attributes:
        texts: every text of it.
        pictures: every picture of it by the name of its field; ``image`` is the document.
        operations: names of what will act, in order.
        model: name of the model.
        version: version of the software.
        id: of the request, up to 64 letters, digits, dots, colons, hyphens; a random one if empty.

    Raises:
        InvalidInput: a name that the records cannot hold.
    """

    texts: PromptFields = field(default_factory=PromptFields)
    pictures: Mapping[str, InputPicture] = field(default_factory=dict)
    operations: tuple[str, ...] = ("edit",)
    model: str = ""
    version: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", self.id or secrets.token_hex(8))
        # a copy: the caller cannot change it after the check
        object.__setattr__(self, "pictures", MappingProxyType(dict(self.pictures)))
        object.__setattr__(self, "operations", tuple(self.operations))
        if not _ID.fullmatch(self.id):
            allowed = "1 to 64 letters, digits, dots, colons, hyphens"
            raise InvalidInput("job.id", self.id[:80], allowed, "leave it empty")
        _check_count("job.operations", len(self.operations), 1, _MOST_OPERATIONS)
        _check_count("job.pictures", len(self.pictures), 0, _MOST_PICTURES)
        for name in self.operations:
            if not _NAME.fullmatch(name):
                allowed = "1 to 80 letters, digits and .,:/+@=#-"
                raise InvalidInput("job.operations", name[:80], allowed, "rename the operation")

    @property
    def document(self) -> InputPicture | None:
        """The picture that is edited, None when a model makes all of it."""
        return self.pictures.get(DOCUMENT)

    @property
    def model_name(self) -> str:
        """The model's name as records can hold it: other characters become a digest."""
        if not self.model or _NAME.fullmatch(self.model):
            return self.model
        return f"sha256:{hashlib.sha256(self.model.encode()).hexdigest()[:16]}"


def _check_count(name: str, count: int, least: int, most: int) -> None:
    if not least <= count <= most:
        raise InvalidInput(name, f"{count} entries", f"{least} to {most}", "split the request")
