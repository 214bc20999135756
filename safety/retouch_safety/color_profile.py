"""Colour profiles: what a picture's values look like in sRGB, and back.

Networks, detectors and the watermark know sRGB only. The same values under a linear or a wide
profile look quite different: darker, or paler, than they are meant to be seen.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from retouch_safety.content import Pixels, white_of

Floats = npt.NDArray[np.float32]

#: Values this far apart are one colour: half a level of 8 bits.
_ALIKE: Final = 0.5 / 255
#: Levels of each channel, and colours between, that tell one profile from another.
_LEVELS: Final = 9
_BETWEEN: Final = 4096


class UnusableProfile(ValueError):
    """A profile that cannot be converted from and to."""


def is_srgb(icc: bytes | None) -> bool:
    """Tell whether values under a profile can be taken for sRGB.

    That is so without a profile; with one that leaves all colours where they are; and with one
    that cannot be used, of which nothing better is known.
    """
    return icc is None or _looks(icc).srgb


def is_reversible(icc: bytes | None) -> bool:
    """Tell whether what is seen can be brought back into a profile: some know one way only."""
    return icc is None or _looks(icc).reversible


def to_srgb(unit: Floats, icc: bytes | None) -> Floats:
    """Return values as sRGB, clipped to [0, 1]; relative colorimetric.

    Args:
        unit: H x W x 3 where 1.0 is white, under ``icc``; what is outside [0, 1] is clipped.
        icc: ICC profile bytes; see :func:`is_srgb` for those that change nothing.
    """
    clipped: Floats = np.clip(unit, 0, 1)
    return clipped if icc is None or is_srgb(icc) else transformed(clipped, icc, None)


def from_srgb(unit: Floats, icc: bytes | None) -> Floats:
    """Return sRGB values as those of a profile, clipped to [0, 1]. The way back of ``to_srgb``.

    Raises:
        UnusableProfile: one that is not reversible.
    """
    clipped: Floats = np.clip(unit, 0, 1)
    return clipped if icc is None or is_srgb(icc) else transformed(clipped, None, icc)


def transformed(unit: Floats, own: bytes | None, wanted: bytes | None) -> Floats:
    """Convert H x W x 3 in [0, 1] from one profile to another, clipped; None stands for sRGB.

    Floats all the way: integer paths of the same library are off by up to 7 % in wide profiles.

    Raises:
        UnusableProfile: one that is damaged, or of no RGB colours.
    """
    import imagecodecs

    srgb = imagecodecs.cms_profile("srgb")
    contiguous: Any = np.ascontiguousarray(unit, np.float32)
    try:
        found = imagecodecs.cms_transform(
            *(contiguous, own or srgb, wanted or srgb),
            colorspace="rgb", outcolorspace="rgb", outdtype="float32",
        )  # fmt: skip
    except imagecodecs.CmsError as problem:
        raise UnusableProfile(str(problem) or "a damaged profile") from None
    converted: Floats = np.clip(np.asarray(found, np.float32), 0, 1)
    # Integers inside of the library hide NaN, which the gate is to see and to refuse.
    broken = ~np.isfinite(contiguous).all(axis=-1, keepdims=True)
    return np.where(broken, np.float32(np.nan), converted) if broken.any() else converted


def shown(pixels: Pixels, icc: bytes | None) -> Pixels:
    """Return what pixels look like: themselves where they are sRGB, else ``float32`` sRGB.

    Args:
        pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32`` where 1.0 is white.
        icc: ICC profile bytes, or None.
    """
    if is_srgb(icc):
        return pixels
    return to_srgb(pixels.astype(np.float32) / np.float32(white_of(pixels)), icc)


class _Looks(NamedTuple):
    srgb: bool
    reversible: bool


@lru_cache(maxsize=32)
def _looks(icc: bytes) -> _Looks:
    levels = np.linspace(0, 1, _LEVELS, dtype=np.float32)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    between = np.random.default_rng(0).random((1, _BETWEEN, 3), np.float32)
    colours = np.concatenate([grid, between], axis=1)
    try:
        seen = transformed(colours, icc, None)
    except UnusableProfile:
        return _Looks(srgb=True, reversible=True)
    if bool(np.abs(seen - colours).max() < _ALIKE):
        return _Looks(srgb=True, reversible=True)
    try:
        transformed(colours, None, icc)
    except UnusableProfile:
        return _Looks(srgb=False, reversible=False)
    return _Looks(srgb=False, reversible=True)
