"""A picture at another bit depth or in another colour profile.

Pictures are converted before they are edited, so that the edit is made, checked and marked in the
form in which it leaves: a mark would not survive every conversion afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

import numpy as np

from retouch.errors import InvalidField
from retouch.imaging.image import DEPTHS, Floats, Image, Pixels, to_depth
from retouch_safety.color_profile import UnusableProfile, transformed

Depth = Literal["uint8", "uint16", "float32"]
SRGB: Final = "srgb"
#: Depths that files can hold, the deepest last.
_HELD: Final[dict[str, tuple[Depth, ...]]] = {
    "PNG": ("uint8", "uint16"),
    "JPEG": ("uint8",),
    "WebP": ("uint8",),
    "TIFF": ("uint8", "uint16", "float32"),
}
#: What an ICC profile has at its byte 36, and the colours it describes at byte 16.
_SIGNATURE, _RGB = b"acsp", b"RGB "


def check_output_form(depth: str | None, profile: str | bytes | None) -> None:
    """Refuse a depth or a profile that pictures cannot have.

    Raises:
        InvalidField: naming it.
    """
    if depth is not None and depth not in DEPTHS:
        raise InvalidField("depth", depth, ", ".join(DEPTHS), "use one of these")
    if isinstance(profile, bytes):
        if profile[36:40] != _SIGNATURE or profile[16:20] != _RGB:
            given, fix = f"{len(profile)} bytes", "give the profile's own"
            raise InvalidField("profile", given, "an ICC profile of RGB colours", fix)
    elif profile not in (None, SRGB):
        allowed = f"{SRGB}, or the bytes of an ICC profile"
        raise InvalidField("profile", profile, allowed, "give the profile itself")


def depth_for(kind: str, own: str, chosen: str | None, field: str) -> str | None:
    """Return the depth at which a picture goes into a file; None keeps its own.

    Args:
        kind: ``PNG``, ``JPEG``, ``WebP`` or ``TIFF``.
        own: the picture's depth.
        chosen: what the caller wants; None takes the nearest that the file can hold.
        field: that names the kind, for the error.

    Raises:
        InvalidField: the file cannot hold what was chosen.
    """
    held = _HELD[kind]
    if chosen is not None:
        if chosen not in held:
            kinds = ", ".join(name for name, depths in _HELD.items() if chosen in depths)
            fix = f"choose {', '.join(held)}, or another kind of file"
            raise InvalidField(field, kind, f"{kinds}, which hold {chosen}", fix)
        return chosen
    return None if own in held else held[-1]


def converted(image: Image, depth: str | None, profile: str | bytes | None) -> Image:
    """Return a picture at a depth and in a profile; itself where it is so already.

    Integers are rounded. Floats outside [0, 1] are kept by a change of depth to float alone; other
    depths, and the conversion of colours, clip them to that range.

    Args:
        image: the picture; without a profile its values count as sRGB.
        depth: ``uint8``, ``uint16`` or ``float32``; None keeps the picture's own.
        profile: ``srgb``, or the bytes of an ICC profile; None keeps the picture's own.

    Raises:
        InvalidField: another depth, or a profile that cannot be used.
    """
    check_output_form(depth, profile)
    kind = depth or image.depth
    icc = image.icc if profile is None else _bytes(profile)
    if icc == image.icc:
        if kind == image.depth:
            return image
        return replace(image, pixels=_at(image.unit(), kind), alpha=_alpha(image, kind), icc=icc)
    pixels = _at(_recoloured(image, icc), kind)
    return replace(image, pixels=pixels, alpha=_alpha(image, kind), icc=icc)


def _bytes(profile: str | bytes) -> bytes | None:
    return profile if isinstance(profile, bytes) else None  # sRGB is what no profile means


def _at(unit: Floats, depth: str) -> Pixels:
    return to_depth(unit, np.dtype(depth))


def _alpha(image: Image, depth: str) -> Pixels | None:
    if image.alpha is None or image.alpha.dtype.name == depth:
        return image.alpha
    return _at(image.alpha.astype(np.float32) / np.float32(image.white), depth)


def _recoloured(image: Image, icc: bytes | None) -> Floats:
    """The picture's colours in another profile, H x W x 3 in [0, 1]; relative colorimetric."""
    unit = np.clip(image.unit(), 0, 1)
    try:
        return transformed(unit, image.icc, icc)
    except UnusableProfile as problem:
        allowed, fix = "ICC profiles of RGB colours", "export the picture with another"
        raise InvalidField("profile", str(problem), allowed, fix) from None
