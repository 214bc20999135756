"""Write a mark into the edited pixels, and read it back before anyone else sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from retouch_safety.content import Box, Pixels, bounding_box, white_of
from retouch_safety.receipt import MarkStatus
from retouch_safety.tilemark.errors import InvalidMarkRequest
from retouch_safety.tilemark.keys import Keys
from retouch_safety.tilemark.layers import COARSE, coarse_tile, details
from retouch_safety.tilemark.luma import luma_of
from retouch_safety.tilemark.pattern import CHIP, TILE, Plane, pattern_of
from retouch_safety.tilemark.payload import Payload
from retouch_safety.tilemark.reed_solomon import encode
from retouch_safety.tilemark.search import Search
from retouch_safety.tilemark.visibility import coarse_gain, coarse_relief, gain, relief, shade

Corner: TypeAlias = tuple[int, int]
Mask = npt.NDArray[np.float32] | npt.NDArray[np.bool_]

STRENGTH: Final = 1.0
STRENGTHS: Final = (0.05, 8.0)
_DEPTHS: Final = ("uint8", "uint16", "float32")
_FAINT: Final = 0.2  # grey levels, root mean square: less is not there after rounding


@dataclass(frozen=True, eq=False)
class Marked:
    """A picture with, or without, a mark.

    Attributes:
        pixels: as they were given, at the same depth.
        status: ``EMBEDDED`` only when the mark was read back from these very pixels.
        region: the box around the marked pixels, None without a mark.
        note: why there is no mark, else empty.
        strength: what it was written with, 0 without a mark.
    """

    pixels: Pixels
    status: MarkStatus
    region: Box | None
    note: str
    strength: float


@dataclass(frozen=True, eq=False)
class Canvas:
    """The part of a picture that may be written, and what is to be written there.

    Attributes:
        pixels: the whole picture.
        box: where the part lies.
        mask: h x w, 0 where nothing may change.
        luma: h x w of the part, 0 to 255.
        relief: h x w, how much each pixel hides.
        tile: h x w, the repeated tile, fainter where it may be cut off.
        coarse: h x w, the repeated coarse tile in grey levels at an ordinary strength.
        corners: row and column in the part where the tile of each layer that is written begins, by
            the layer's factor.
    """

    pixels: Pixels
    box: Box
    mask: Plane
    luma: Plane
    relief: Plane
    tile: Plane
    coarse: Plane
    corners: Mapping[int, Corner]

    def change(self, strength: float) -> Plane:
        """Return the h x w change of every channel, on a scale of 0 to 255."""
        layers = (
            gain(self.relief, strength) * self.tile
            + np.float32(coarse_gain(strength)) * self.coarse
        )
        change: Plane = layers * self.mask
        return change

    def marked_luma(self, strength: float) -> Plane:
        """Return the h x w luma of the part with the mark, as 8-bit storage holds it."""
        # all channels change alike, so luma changes as much as they do
        marked: Plane = np.clip(np.rint(self.luma + np.rint(self.change(strength))), 0, 255)
        return marked

    def written(self, strength: float) -> Pixels:
        """Return a copy of the picture with the mark."""
        result = self.pixels.copy()
        part = self.pixels[self.box.slices]
        result[self.box.slices] = _added(part, self.change(strength))
        return result


def embed(
    pixels: Pixels,
    edited: Mask,
    payload: Payload,
    keys: Keys,
    strength: float = STRENGTH,
    *,
    alpha: Pixels | None = None,
    random: np.random.Generator | None = None,
) -> Marked:
    """Write a mark of one strength and read it back.

    Args:
        pixels: H x W x 3 RGB or H x W grey, ``uint8``, ``uint16`` or ``float32`` (1.0 is white).
        edited: H x W, bool or 0 to 1: how much of the mark each pixel receives. Pixels at 0 keep
            their bits.
        payload: what to write; its key id is the keys'.
        keys: what to write it with.
        strength: 0.05 to 8; 1 is about 45 dB on photographs.
        alpha: H x W opacity at the depth of the pixels; pixels at 0 keep their bits.
        random: places the tile; None draws from the operating system.

    Returns:
        The marked picture, or the same pixels with ``METADATA_ONLY`` and the reason.

    Raises:
        InvalidMarkRequest: wrong shape, depth or range.
    """
    low, high = STRENGTHS
    if not low <= strength <= high:
        raise InvalidMarkRequest("strength", strength, f"{low} to {high}", f"use {STRENGTH}")
    canvas = canvas_of(pixels, edited, payload, keys, alpha, random)
    if isinstance(canvas, Marked):
        return canvas
    return verified(canvas, canvas.written(strength), strength, payload, keys)


def canvas_of(
    pixels: Pixels,
    edited: Mask,
    payload: Payload,
    keys: Keys,
    alpha: Pixels | None,
    random: np.random.Generator | None,
) -> Canvas | Marked:
    """Check a request and prepare it; the unmarked picture when there is too little to mark."""
    check_picture(pixels)
    _check_rest(pixels, edited, payload, keys, alpha)
    mask = np.asarray(edited, np.float32)
    if alpha is not None:
        mask = np.where(alpha > 0, mask, np.float32(0))
    box = bounding_box(mask > 0)
    if box is None:
        return unmarked(pixels, "nothing was edited")
    if min(box.width, box.height) < TILE:
        note = f"too small: {box.width}x{box.height} pixels, a mark needs {TILE}x{TILE}"
        return unmarked(pixels, note)
    random = random or np.random.default_rng()
    pattern, word = pattern_of(keys.pattern), encode(payload.message(keys.auth))
    corners = {
        factor: random_corner(TILE * factor, CHIP * factor, box, random) for factor in (1, COARSE)
    }
    fine = repeated(pattern.tile(word), corners[1], box)
    coarse = repeated(coarse_tile(pattern.chips(word)), corners[COARSE], box)
    luma = luma_of(pixels[box.slices])
    coarse *= coarse_relief(luma)
    if not coarse.any():
        del corners[COARSE]
    tile = fine * shade(luma)
    return Canvas(pixels, box, mask[box.slices], luma, relief(luma, random), tile, coarse, corners)


def random_corner(side: int, chip: int, box: Box, random: np.random.Generator) -> Corner:
    """Return the row and column in a box where a tile of a side begins.

    Whole chips of the picture: they fill whole blocks of a compressor, and a picture at half its
    size has one pixel for each fine chip.
    """
    row, column = random.integers(0, side // chip, 2) * chip
    return int(row) - box.y, int(column) - box.x


def repeated(tile: Plane, corner: Corner, box: Box) -> Plane:
    """Return a square tile over the h x w pixels of a box, from a row and column on."""
    side = len(tile)
    moved = np.roll(tile, corner, (0, 1))
    repeats = (-(-box.height // side), -(-box.width // side))
    return np.tile(moved, repeats)[: box.height, : box.width]


def reads(
    luma: Plane,
    payload: Payload,
    keys: Keys,
    first: int = 1,
    corners: Mapping[int, Corner] | None = None,
) -> bool:
    """Return whether H x W luma, 0 to 255, holds an authentic mark of a payload in any layer.

    Args:
        luma: see above.
        payload: of the mark.
        keys: of the mark.
        first: factor of the view to begin with, where it is likely to be read.
        corners: row and column where each layer's tile begins, by the layer's factor: layers
            without are not there; None looks everywhere.
    """
    reader = keys.reader()
    if corners is None:
        return any(Search(view.plane, reader).holds(payload) for view in details(luma, first))
    return any(
        Search(view.plane, reader).holds(payload, view.corner(corners[view.factor]))
        for view in details(luma, first)
        if view.factor in corners
    )


def verified(
    canvas: Canvas, written: Pixels, strength: float, payload: Payload, keys: Keys
) -> Marked:
    """Return the written picture if its mark can be read, else the unmarked one with the reason."""
    part = luma_of(written[canvas.box.slices])
    if reads(part, payload, keys):
        return Marked(written, MarkStatus.EMBEDDED, canvas.box, "", strength)
    difference = (part - canvas.luma)[canvas.mask > 0]
    changed = float(np.sqrt(np.mean(difference**2)))
    if changed < _FAINT:
        return unmarked(canvas.pixels, f"too flat: only {changed:.2f} grey levels could be written")
    return unmarked(canvas.pixels, "the mark could not be read back from this picture")


def unmarked(pixels: Pixels, note: str) -> Marked:
    """Return a picture as it is."""
    return Marked(pixels, MarkStatus.METADATA_ONLY, None, note, 0.0)


def check_picture(pixels: Pixels) -> None:
    """Check shape, depth and that all values are finite.

    Raises:
        InvalidMarkRequest: they are not.
    """
    shape, depth = pixels.shape, pixels.dtype.name
    grey_or_rgb = len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)
    if not grey_or_rgb or 0 in shape:
        fix = "pass RGB without alpha; alpha is an argument of its own"
        raise InvalidMarkRequest("pixels.shape", shape, "H x W or H x W x 3", fix)
    if depth not in _DEPTHS:
        fix = "convert the picture first"
        raise InvalidMarkRequest("pixels.dtype", depth, ", ".join(_DEPTHS), fix)
    if depth == "float32" and not np.isfinite(pixels).all():
        raise InvalidMarkRequest("pixels", "NaN or infinity", "finite", "repair the picture first")


def _check_rest(
    pixels: Pixels, edited: Mask, payload: Payload, keys: Keys, alpha: Pixels | None
) -> None:
    for name, plane in (("edited", edited), ("alpha", alpha)):
        if plane is not None and plane.shape != pixels.shape[:2]:
            fix = "give one value for each pixel"
            raise InvalidMarkRequest(f"{name}.shape", plane.shape, str(pixels.shape[:2]), fix)
    # written so that NaN fails, too
    if not bool(((edited >= 0) & (edited <= 1)).all()):
        raise InvalidMarkRequest("edited", "values outside", "0 to 1", "scale or clip the mask")
    if payload.key_id != keys.id:
        fix = "make the payload with the keys' own id"
        raise InvalidMarkRequest("payload.key_id", payload.key_id, str(keys.id), fix)


def _added(pixels: Pixels, change: Plane) -> Pixels:
    """Add a change to pixels of any depth; where it comes to 0 the bits stay."""
    change = change if pixels.ndim == 2 else change[..., None]
    white = white_of(pixels)
    if pixels.dtype.kind == "f":
        moved: Pixels = pixels + change / np.float32(255)
        return np.where(change == 0, pixels, moved)
    wide = np.int16 if white == 255 else np.int32
    steps = np.rint(change * np.float32(white / 255)).astype(wide)
    added: Pixels = np.clip(pixels.astype(wide) + steps, 0, int(white)).astype(pixels.dtype)
    return added
