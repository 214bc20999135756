"""The profile of documents in linear light, as Krita makes them at 32 bits by default."""

import imagecodecs

#: CIE xyY of ITU-R BT.709, the primaries of sRGB, and of its white D65.
_PRIMARIES = [0.64, 0.33, 1.0, 0.30, 0.60, 1.0, 0.15, 0.06, 1.0]
_WHITE = [0.3127, 0.3290, 1.0]


def linear_profile() -> bytes:
    """Return an ICC profile with the primaries of sRGB and no curve."""
    found = imagecodecs.cms_profile("rgb", whitepoint=_WHITE, primaries=_PRIMARIES, gamma=1.0)
    return bytes(found)
