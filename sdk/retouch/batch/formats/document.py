"""What a batch needs of a picture's file, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from retouch.batch.choices import Choices, MaskSource
from retouch.batch.released import ReleasedPatch
from retouch.client.uploads import Picture
from retouch.errors import InvalidField
from retouch.imaging.image import Floats, Mask
from retouch.imaging.region import Size

#: Distribution's extra that brings the readers of studio formats.
EXTRA = "studio"


@dataclass(frozen=True, eq=False)
class Filed:
    """A document with a released patch in it.

    Attributes:
        data: the whole file.
        mark: where in it the released pixels, and with them the mark, are: a sentence.
    """

    data: bytes
    mark: str


class Document(Protocol):
    """One opened picture."""

    @property
    def picture(self) -> Picture:
        """What the daemon edits: pixels, or the bytes of a file."""
        ...

    @property
    def size(self) -> Size:
        """Of the canvas, in pixels."""
        ...

    @property
    def container(self) -> bool:
        """Whether a result goes into a copy of the file as a patch; else it is a file itself."""
        ...

    def strength(self, source: MaskSource) -> Mask:
        """Return the mask that lies in the document itself: its alpha, or a layer.

        Raises:
            InvalidField: there is none.
        """
        ...

    def with_patch(self, patch: ReleasedPatch, choices: Choices) -> Filed:
        """Return a copy of the file with a released patch in it; containers alone.

        Raises:
            InvalidField: the format cannot hold it.
        """
        ...

    def shown(self) -> npt.NDArray[np.uint8]:
        """Return H x W x 3 to look at, for a contact sheet."""
        ...


def mask_of(strength: Floats, source: MaskSource) -> Mask:
    """Return H x W values in [0, 1] as the mask that a recipe asks for."""
    kept = np.clip(strength, 0, 1)
    return Mask(1 - kept if source.invert else kept)


def no_such_layer(name: str, known: list[str], file: Path) -> InvalidField:
    """Return the error that names the layers there are."""
    shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
    return InvalidField("layer", name, shown or f"no layers in {file.name}", "name one of these")


def missing_extra(package: str, file: Path) -> InvalidField:
    """Return the error of a format whose reader is not installed."""
    fix = f'install {package} with `pip install "retouch[{EXTRA}]"`'
    return InvalidField("input", str(file), "PNG, JPEG, WebP, TIFF in this installation", fix)
