"""Image and Mask: the host's pixels, at the document's own depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from retouch.errors import InvalidField, InvalidImage
from retouch.imaging.region import Rect, Size
from retouch_safety.color_profile import to_srgb
from retouch_safety.content import frozen

Pixels: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float32]

DEPTHS = ("uint8", "uint16", "float32")


@dataclass(frozen=True, eq=False)
class Image:
    """A picture at the document's own bit depth, EXIF orientation already applied.

    The arrays are copied and made read-only, unless they are so already: an edit can never change
    the caller's document in place, and the caller can change nothing that the gate has looked at.

    Attributes:
        pixels: H x W x 3 RGB; ``uint8`` 0-255, ``uint16`` 0-65535, or ``float32`` where 1.0 is
            white (values outside [0, 1] are kept). Values are in the document's own profile.
        alpha: H x W straight (not premultiplied) opacity at the same depth, or None if opaque.
        icc: ICC profile bytes of the RGB values, or None.

    Raises:
        InvalidImage: wrong shape, depth, zero size, or values that are not finite.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    icc: bytes | None = None

    def __post_init__(self) -> None:
        pixels = np.asarray(self.pixels)
        if pixels.dtype.name not in DEPTHS:
            raise InvalidImage("image.depth", pixels.dtype.name, ", ".join(DEPTHS), "convert it")
        if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise InvalidImage("image.pixels", pixels.shape, "H x W x 3, H and W >= 1", "use RGB")
        object.__setattr__(self, "pixels", _frozen("image.pixels", pixels))
        if self.alpha is not None:
            object.__setattr__(self, "alpha", self._checked_alpha(np.asarray(self.alpha)))

    def _checked_alpha(self, alpha: Pixels) -> Pixels:
        wanted = f"{self.height} x {self.width} {self.depth}"
        if alpha.shape != self.pixels.shape[:2] or alpha.dtype != self.pixels.dtype:
            raise InvalidImage("image.alpha", (alpha.shape, alpha.dtype.name), wanted, "match them")
        return _frozen("image.alpha", alpha)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size(self.width, self.height)

    @property
    def bounds(self) -> Rect:
        """The whole canvas as a rectangle."""
        return Rect(0, 0, self.width, self.height)

    @property
    def depth(self) -> str:
        """``uint8``, ``uint16`` or ``float32``."""
        return str(self.pixels.dtype.name)

    @property
    def white(self) -> float:
        """The value of white at this depth: 255, 65535 or 1.0."""
        return white_of(self.pixels.dtype)

    @property
    def deep(self) -> bool:
        """Whether it has more than 8 bits a channel."""
        return bool(self.pixels.dtype != np.uint8)

    def unit(self) -> Floats:
        """Return H x W x 3 ``float32`` where 1.0 is white (float documents may exceed it)."""
        return self.pixels.astype(np.float32) / np.float32(self.white)

    def srgb(self) -> Floats:
        """Return what the picture shows: H x W x 3 sRGB ``float32``, clipped to [0, 1].

        It is the unit picture where the profile is sRGB, or none that can be used.
        """
        return to_srgb(self.unit(), self.icc)

    def strength(self, *, edit_black: bool = False) -> Floats:
        """Return the picture read as a mask: H x W in [0, 1].

        That is its luminance (ITU-R BT.601; of equal channels exactly their value), or 1 less it
        where black is what is edited. Where the picture is transparent it edits nothing.
        """
        unit = self.unit()
        red, green, blue = unit[..., 0], unit[..., 1], unit[..., 2]
        strength = np.clip(red + 0.587 * (green - red) + 0.114 * (blue - red), 0, 1)
        if edit_black:
            strength = 1 - strength
        if self.alpha is not None:
            opacity = self.alpha.astype(np.float32) / np.float32(self.white)
            strength = strength * np.clip(opacity, 0, 1)
        return np.asarray(strength, np.float32)


@dataclass(frozen=True, eq=False)
class Mask:
    """Per-pixel edit strength: 1 edits fully, 0 keeps the pixel bit for bit.

    Attributes:
        strength: H x W ``float32`` in [0, 1].

    Raises:
        InvalidImage: wrong shape, or values that are not finite or outside [0, 1].
    """

    strength: Floats

    def __post_init__(self) -> None:
        strength = np.asarray(self.strength, dtype=np.float32)
        if strength.ndim != 2 or 0 in strength.shape:
            raise InvalidImage("mask", strength.shape, "H x W, H and W >= 1", "use one channel")
        strength = _frozen("mask", strength)
        if strength.min() < 0 or strength.max() > 1:
            found = f"{strength.min():g} to {strength.max():g}"
            raise InvalidImage("mask", found, "0 to 1", "divide by the maximum value")
        object.__setattr__(self, "strength", strength)

    @classmethod
    def full(cls, size: Size) -> Mask:
        """Return a mask of ones: edit everything. ``size`` in pixels."""
        return cls(np.ones((size.height, size.width), np.float32))

    @classmethod
    def rectangle(cls, size: Size, rect: Rect) -> Mask:
        """Return a mask of ones inside ``rect`` and zeros elsewhere, in canvas pixels."""
        strength = np.zeros((size.height, size.width), np.float32)
        strength[rect.clip(Rect(0, 0, *size)).slices] = 1
        return cls(strength)

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size(self.strength.shape[1], self.strength.shape[0])

    def support(self) -> Mask:
        """Return 1 wherever this mask edits at all: the alpha to paste a soft edit back with.

        An operation that honours per-pixel strength has already weakened the edit; blending with
        the strength again would weaken it twice.
        """
        return Mask((self.strength > 0).astype(np.float32))

    def bbox(self) -> Rect | None:
        """Return the smallest rectangle that holds every strength > 0, or None if all are 0."""
        return bounding_box(self.strength > 0)


def bounding_box(inside: npt.NDArray[np.bool_]) -> Rect | None:
    """Return the smallest rectangle around the True values of an H x W array, or None."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size == 0:
        return None
    x, y = int(columns[0]), int(rows[0])
    return Rect(x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1)


def check_same_size(image: Image, mask: Mask) -> None:
    """Raise InvalidImage unless the mask has the picture's size."""
    if image.size != mask.size:
        raise InvalidImage(
            "mask.size",
            f"{mask.size.width}x{mask.size.height}",
            f"{image.width}x{image.height}, the picture's size",
            "export the mask at the picture's size",
        )


def to_model_range(unit: Floats) -> Floats:
    """Convert H x W x 3 in [0, 1] to the model's 3 x H x W ``float32`` in [-1, 1] (clipped)."""
    return np.ascontiguousarray(np.clip(unit, 0, 1).transpose(2, 0, 1) * 2 - 1, dtype=np.float32)


def from_model_range(chw: npt.NDArray[Any]) -> Floats:
    """Convert the model's 3 x H x W in [-1, 1] to H x W x 3 ``float32`` in [0, 1] (clipped).

    NaN stays NaN on purpose: the gate refuses it, and clipping must not hide it.
    """
    if chw.ndim != 3 or chw.shape[0] != 3:
        raise InvalidField("model output", chw.shape, "3 x H x W", "pass one decoded picture")
    unit = np.clip(chw.astype(np.float32).transpose(1, 2, 0) / 2 + 0.5, 0, 1)
    return np.ascontiguousarray(unit, dtype=np.float32)


def white_of(dtype: npt.DTypeLike) -> float:
    """Return the value of white at a depth: 255, 65535 or 1.0."""
    kind = np.dtype(dtype)
    return float(np.iinfo(kind).max) if kind.kind == "u" else 1.0


def to_depth(unit: npt.NDArray[Any], dtype: npt.DTypeLike) -> Pixels:
    """Convert values where 1.0 is white to a depth; integers are clipped and rounded.

    Raises:
        InvalidImage: a value that is not finite, which no integer depth can hold.
    """
    if np.dtype(dtype).kind != "u":
        return unit.astype(dtype)
    if not np.isfinite(unit).all():
        raise InvalidImage("pixels", "NaN or infinity", "finite values", "check the model")
    white = white_of(dtype)
    scaled: Pixels = np.rint(np.clip(unit, 0, 1) * white).astype(dtype)
    return scaled


def _frozen(field: str, array: Pixels) -> Pixels:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidImage(field, "NaN or infinity", "finite values", "repair the file")
    return frozen(np.ascontiguousarray(array))
