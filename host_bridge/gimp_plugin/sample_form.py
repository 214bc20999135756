"""How the samples of a document travel: bit depth, transfer curve, colour space, profile.

Pixels are read and written in the document's own encoding. GIMP's conversions between encodings are
approximate outside sRGB (up to 300 of 65535 near black); without one, every bit is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gimp_api import Babl, Gimp

#: GIMP's precision without its transfer curve -> retouch.v1.SampleType. What the daemon does not
#: take goes as floats.
_SAMPLES = {
    "U8": "UINT8",
    "U16": "UINT16",
    "U32": "FLOAT32",
    "HALF": "FLOAT16",
    "FLOAT": "FLOAT32",
    "DOUBLE": "FLOAT32",
}
#: retouch.v1.SampleType -> babl's type.
_TYPES = {"UINT8": "u8", "UINT16": "u16", "FLOAT16": "half", "FLOAT32": "float"}
#: Transfer curve -> babl's colours: the profile's own, sRGB's, none.
_COLOURS = {"NON_LINEAR": "R'G'B'", "PERCEPTUAL": "R~G~B~", "LINEAR": "RGB"}


@dataclass(frozen=True)
class SampleForm:
    """How pixels of one document are read and written.

    Attributes:
        colours: babl's name of them, with their transfer curve.
        space: babl's colour space; None = sRGB.
        sample_type: for the daemon.
        profile: None = sRGB; else the bytes of an ICC profile.
    """

    colours: str
    space: Any
    sample_type: str
    profile: bytes | None

    def babl_name(self, channel_order: str = "RGBA", sample_type: str = "") -> str:
        """Return GEGL's name of pixels of this document.

        Args:
            channel_order: "RGBA" (straight alpha) or "RGB".
            sample_type: where it is another than the document's.
        """
        alpha = "A" if channel_order == "RGBA" else ""
        encoding = f"{self.colours}{alpha} {_TYPES[sample_type or self.sample_type]}"
        if self.space is None:
            return encoding
        return Babl.get_name(Babl.format_with_space(encoding, self.space))


def form_of(image: Gimp.Image, drawable: Gimp.Drawable) -> SampleForm:
    """Return how pixels of a document are read and written.

    Args:
        image: the document.
        drawable: any of its layers: they all have its colour space.
    """
    name = image.get_precision().value_name.rpartition("PRECISION_")[2]
    kind, _, curve = name.partition("_")
    if image.get_base_type() != Gimp.ImageBaseType.RGB:
        return SampleForm(_COLOURS["NON_LINEAR"], None, _SAMPLES[kind], None)
    space = Babl.format_get_space(drawable.get_format())
    return SampleForm(_COLOURS[curve], space, _SAMPLES[kind], _profile(image, curve))


def _profile(image: Gimp.Image, curve: str) -> bytes | None:
    own = image.get_color_profile()
    if curve == "LINEAR":
        srgb = Gimp.ColorProfile.new_rgb_srgb
        own = Gimp.ColorProfile.new_linear_from_color_profile(own or srgb())
    return bytes(own.get_icc_profile()) if own is not None else None
