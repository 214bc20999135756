"""Colours of scene-linear pictures, made fit for a network and the gate, and back (OpenColorIO).

Networks, detectors and the watermark expect values as a screen has them. So an EXR is edited in
sRGB's encoding (Rec.709, IEC 61966-2-1), at float depth, where values above 1 and below 0 stay.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from retouch.errors import InvalidField
from retouch.imaging.image import Floats

if TYPE_CHECKING:
    import PyOpenColorIO as ocio

BUILT_IN: Final = "studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
ENCODED: Final = "srgb_tx"
#: Attributes of EXR headers that name a space.
_NAMING: Final = ("colorInteropID", "oiio:ColorSpace", "colorSpace")
#: CIE x, y of red, green, blue and white -> alias in the built-in configuration.
_PRIMARIES: Final[Mapping[str, tuple[float, ...]]] = {
    "lin_rec709_scene": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    "lin_ap1_scene": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767),
    "lin_ap0_scene": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "lin_rec2020_scene": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    "lin_p3d65_scene": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
}
_NEAR: Final = 2e-3


@dataclass(frozen=True, eq=False)
class ColorSpace:
    """One space of a configuration, and the way between it and sRGB's encoding.

    Attributes:
        config: where its name means something: ``$OCIO``, or the built-in studio configuration.
        name: as the configuration has it.
        exposure: stops by which pictures are made brighter on the way to sRGB.
    """

    config: ocio.Config
    name: str
    exposure: float = 0.0

    @cached_property
    def _ways(self) -> tuple[Any, Any]:
        import PyOpenColorIO as ocio

        there = _processor(self.config, self.name)
        exact = ocio.OPTIMIZATION_LOSSLESS  # faster ones are off by 2e-5 of the value
        kind = ocio.BIT_DEPTH_F32
        back = there.createGroupTransform()
        back.setDirection(ocio.TRANSFORM_DIR_INVERSE)
        inverse = self.config.getProcessor(back)
        forward = there.getOptimizedCPUProcessor(kind, kind, exact)
        return forward, inverse.getOptimizedCPUProcessor(kind, kind, exact)

    def to_srgb(self, pixels: Floats) -> Floats:
        """Return H x W x 3 of this space in sRGB's encoding."""
        found = np.array(pixels, np.float32, order="C") * np.float32(2.0**self.exposure)
        self._ways[0].applyRGB(found)
        return found

    def from_srgb(self, pixels: Floats) -> Floats:
        """Return H x W x 3 of sRGB's encoding in this space: the inverse of :meth:`to_srgb`."""
        found = np.array(pixels, np.float32, order="C")
        self._ways[1].applyRGB(found)
        return found * np.float32(2.0**-self.exposure)


def color_space(
    asked: str, header: Mapping[str, Any], exposure: float, field: str = "color_space"
) -> ColorSpace:
    """Return the space of a picture.

    Args:
        asked: a name, alias or role of ``$OCIO`` or the built-in configuration; empty reads the
            header: a name, else its chromaticities, else linear Rec.709, as OpenEXR has it.
        header: of the file.
        exposure: in stops.
        field: for errors.

    Raises:
        InvalidField: no such space.
    """
    config = _config()
    named = [str(header[key]) for key in _NAMING if isinstance(header.get(key), str)]
    for name in [asked] if asked else [*named, _by_primaries(header.get("chromaticities"))]:
        found = config.getColorSpace(name)
        if found is None and not asked:
            found = _built_in().getColorSpace(name)
            if found is not None:
                return ColorSpace(_built_in(), found.getName(), exposure)
        if found is not None:
            return ColorSpace(config, found.getName(), exposure)
    known = ", ".join(list(config.getColorSpaceNames())[:60])
    given = asked or f"primaries {header.get('chromaticities')}"
    raise InvalidField(field, given, known, "name the picture's space")


def _by_primaries(given: Sequence[float] | None) -> str:
    if given is None:
        return "lin_rec709_scene"  # OpenEXR: what files without the attribute have
    for name, known in _PRIMARIES.items():
        if len(given) == len(known) and np.allclose(given, known, atol=_NEAR):
            return name
    return ""


def _config() -> ocio.Config:
    import PyOpenColorIO as ocio

    file = os.environ.get("OCIO")
    if not file:
        return _built_in()
    try:
        return ocio.Config.CreateFromFile(file)
    except (ocio.Exception, ocio.ExceptionMissingFile) as problem:
        fix = f"repair or unset it ({problem})"
        raise InvalidField("$OCIO", file, "an OpenColorIO configuration", fix) from problem


def _built_in() -> ocio.Config:
    import PyOpenColorIO as ocio

    return ocio.Config.CreateFromBuiltinConfig(BUILT_IN)


def _processor(config: ocio.Config, name: str) -> Any:
    import PyOpenColorIO as ocio

    if config.getColorSpace(ENCODED) is not None:
        return config.getProcessor(name, ENCODED)
    try:  # through the interchange roles of both configurations
        return ocio.Config.GetProcessorFromConfigs(config, name, _built_in(), ENCODED)
    except ocio.Exception as problem:
        fix = "give the configuration the role aces_interchange, or unset $OCIO"
        allowed = f"a space with a way to sRGB ({problem})"
        raise InvalidField("color_space", name, allowed, fix) from problem
