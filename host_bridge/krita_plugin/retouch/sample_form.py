"""How the samples of a document or layer lie in memory."""

from __future__ import annotations

from typing import NamedTuple

from krita import ManagedColor

#: Krita's names of depths -> names of ``retouch.v1.SampleType``.
_TYPES = {"U8": "UINT8", "U16": "UINT16", "F16": "FLOAT16", "F32": "FLOAT32"}
_BYTES = {"U8": 1, "U16": 2, "F16": 2, "F32": 4}


class SampleForm(NamedTuple):
    """The samples of a document or layer.

    Attributes:
        depth: Krita's name of it: "U8", "U16", "F16" or "F32".
        profile_name: of the colour profile, as Krita calls it.
        channel_order: "BGRA" or "RGBA".
    """

    depth: str
    profile_name: str
    channel_order: str

    @property
    def sample_type(self) -> str:
        """Name of ``retouch.v1.SampleType``."""
        return _TYPES[self.depth]

    @property
    def pixel_bytes(self) -> int:
        """Bytes of one pixel: four channels."""
        return 4 * _BYTES[self.depth]


def is_known(model: str, depth: str) -> bool:
    """Tell whether samples of this colour model and depth can be edited."""
    return model == "RGBA" and depth in _TYPES


def form_of(depth: str, profile_name: str) -> SampleForm:
    """Return the form of RGBA samples."""
    return SampleForm(depth, profile_name, _channel_order(depth, profile_name))


def _channel_order(depth: str, profile_name: str) -> str:
    """Krita swaps red and blue at some depths.

    Channels say their names in the user's language, so a colour's components are asked instead:
    once as they lie in memory, once as red, green, blue.
    """
    colour = ManagedColor("RGBA", depth, profile_name)
    colour.setComponents([0.25, 0.5, 0.75, 1.0])
    return "RGBA" if colour.componentsOrdered()[0] < 0.5 else "BGRA"
