"""What travels through the gate: pixels, the edited area, and simple conversions of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from retouch_safety.errors import InvalidContent

Pixels: TypeAlias = npt.NDArray[Any]
Bytes8: TypeAlias = npt.NDArray[np.uint8]
Inside: TypeAlias = npt.NDArray[np.bool_]
Form: TypeAlias = Literal["composite", "patch", "preview"]

DEPTHS = ("uint8", "uint16", "float32")


class Box(NamedTuple):
    """A rectangle in pixels; ``x``, ``y`` is the top left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices that cut the box out of an H x W array."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


@dataclass(frozen=True, eq=False, repr=False)
class Content:
    """Checked shapes of one picture on its way through the gate.

    Attributes:
        form: ``composite`` (a whole canvas), ``patch`` (a layer with its own alpha) or ``preview``
            (a patch of an edit on its way).
        pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32`` where 1.0 is white.
        edited: H x W ``float32`` in [0, 1]; 0 where the pixels are the source's own.
        alpha: H x W opacity at the depth of the pixels, or None.
        icc: ICC profile bytes, or None.
        x: canvas column of a patch, else 0.
        y: canvas row of a patch, else 0.

    Raises:
        InvalidContent: wrong shape or depth.
    """

    form: Form
    pixels: Pixels
    edited: npt.NDArray[np.float32]
    alpha: Pixels | None
    icc: bytes | None
    x: int = 0
    y: int = 0

    def __post_init__(self) -> None:
        check_pixels(self.pixels, self.alpha)
        area = self.pixels.shape[:2]
        if self.edited.shape != area:
            raise InvalidContent(f"need an edited area of {area}, got {self.edited.shape}")


def frozen(array: Pixels) -> Pixels:
    """Return an array that nobody can change any more: itself if it is one, else a copy."""
    if _is_frozen(array):
        return array
    own = np.array(array, order="C")
    own.flags.writeable = False
    return own


def _is_frozen(array: Pixels) -> bool:
    # a read-only view of a writeable array changes with it
    held: object = array
    while isinstance(held, np.ndarray):
        if held.flags.writeable or type(held) is not np.ndarray:
            return False
        held = held.base
    return held is None or isinstance(held, bytes)


def check_pixels(pixels: Pixels, alpha: Pixels | None) -> None:
    """Check shapes and depths of a picture.

    Args:
        pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32`` where 1.0 is white.
        alpha: H x W opacity at the same depth, or None.

    Raises:
        InvalidContent: it has others.
    """
    shape, depth = pixels.shape, pixels.dtype.name
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or depth not in DEPTHS:
        raise InvalidContent(f"need H x W x 3 of {', '.join(DEPTHS)}, got {shape} {depth}")
    if alpha is not None and (alpha.shape != shape[:2] or alpha.dtype.name != depth):
        raise InvalidContent(f"need alpha {shape[:2]} {depth}, got {alpha.shape} {alpha.dtype}")


def white_of(pixels: Pixels) -> float:
    """Return the value of white: 255, 65535, or 1.0 for float."""
    return float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0


def to_8bit(pixels: Pixels) -> Bytes8:
    """Return an 8-bit copy, rounded; float values outside [0, 1] are clipped."""
    if pixels.dtype == np.uint8:
        return pixels.copy()
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    rounded: Bytes8 = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    return rounded


def from_unit(unit: Pixels, like: Pixels) -> Pixels:
    """Convert values in [0, 1] to the depth of ``like``, rounded."""
    scaled: Pixels = np.asarray(unit) * white_of(like)
    converted: Pixels = (np.rint(scaled) if like.dtype.kind == "u" else scaled).astype(like.dtype)
    return converted


def bounding_box(inside: Inside) -> Box | None:
    """Return the smallest box around the True values of an H x W array, or None."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size == 0:
        return None
    x, y = int(columns[0]), int(rows[0])
    return Box(x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1)
