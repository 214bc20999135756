"""PNG, JPEG, WebP and TIFF: the daemon reads and writes them itself."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retouch.batch.choices import Choices, MaskSource
from retouch.batch.formats.document import Filed, mask_of, no_such_layer
from retouch.batch.released import ReleasedPatch
from retouch.errors import InvalidField
from retouch.imaging.convert import SRGB, converted
from retouch.imaging.decode import read_image
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Size


class FlatDocument:
    """A file of one picture.

    Args:
        data: its bytes.
        file: its path, for errors.
    """

    container = False

    def __init__(self, data: bytes, file: Path) -> None:
        self.picture, self._file = data, file

    @cached_property
    def _image(self) -> Image:
        return read_image(self.picture, field=str(self._file))

    @property
    def size(self) -> Size:
        """Of the picture, upright; raises InvalidImage where it cannot be read."""
        return self._image.size

    def strength(self, source: MaskSource) -> Mask:
        """Return its transparency as a mask: opaque is edited."""
        if source.kind == "layer":
            raise no_such_layer(source.name, [], self._file)
        image = self._image
        if image.alpha is None:
            fix = "name a mask's file instead"
            raise InvalidField("mask", "alpha", f"a picture with transparency: {self._file}", fix)
        return mask_of(image.alpha.astype(np.float32) / np.float32(image.white), source)

    def with_patch(self, patch: ReleasedPatch, choices: Choices) -> Filed:
        """Refuse: there is nothing to put it into."""
        raise NotImplementedError(f"{self._file} is no container")

    def shown(self) -> npt.NDArray[np.uint8]:
        """Return it in 8 bits of sRGB."""
        return converted(self._image, "uint8", SRGB).pixels
