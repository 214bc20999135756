"""The messages that known programs write with ``invisible-watermark``, and how they store pixels.

All use the method ``dwtDct``. Read in the programs' sources:

- Stable Diffusion XL: ``diffusers``, ``pipelines/stable_diffusion_xl/watermark.py``; Stability AI,
  ``generative-models`` ("a fixed 48-bit message that was chosen at random"). Both encode floating
  point pixels. ``diffusers`` passed red and blue exchanged until its pull request 7013 (2024).
- FLUX.1: Black Forest Labs, ``flux``, ``src/flux/util.py``. Its 48-bit constant begins with two
  zeros, which ``bin(...)`` drops: 46 bits are written.
- Stable Diffusion 1: CompVis, ``stable-diffusion``, ``scripts/txt2img.py`` (no other script there).
- Stable Diffusion 1 inpainting: the web demos of Runway's checkpoint.
- Stable Diffusion 2: Stability AI, ``stablediffusion``, ``scripts/``: text, image, depth,
  inpainting, upscaling.
- InvokeAI: the default text of its watermark node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.bool_]


class Storage(NamedTuple):
    """How the pixels lay in memory when they were marked, which decides where the bits are.

    Attributes:
        floats: floating point, 0 to 255: OpenCV then puts U around 0.5, not around 128.
        exchanged: red and blue were exchanged.
    """

    floats: bool
    exchanged: bool = False


_BYTES: Final = Storage(floats=False)
_FLOATS: Final = Storage(floats=True)
_EXCHANGED: Final = Storage(floats=True, exchanged=True)


@dataclass(frozen=True, eq=False)
class KnownMessage:
    """A message that programs write.

    Attributes:
        name: short, for receipts and reports.
        writer: who is known to write it.
        bits: the message, first bit first.
        storages: how its writers store pixels, the likeliest first.
        random: whether the bits look random, so that chance can be computed from them alone.
    """

    name: str
    writer: str
    bits: Bits
    storages: tuple[Storage, ...]
    random: bool

    @property
    def hexadecimal(self) -> str:
        """The message in hexadecimal; the last digits are padded with zero bits."""
        return np.packbits(self.bits).tobytes().hex()


def _number(digits: str) -> Bits:
    return np.array([digit == "1" for digit in digits], np.bool_)


def _text(text: str) -> Bits:
    return np.unpackbits(np.frombuffer(text.encode("ascii"), np.uint8)).astype(np.bool_)


SDXL: Final = KnownMessage(
    "sdxl",
    "Stable Diffusion XL: diffusers, or the scripts of Stability AI",
    _number("101100111110110010010000011110111011000110011110"),
    (_FLOATS, _EXCHANGED, _BYTES),
    random=True,
)

MESSAGES: Final = (
    SDXL,
    KnownMessage(
        "flux1",
        "FLUX.1: the scripts of Black Forest Labs",
        _number("1010101111111010000111100111001111010100101110"),
        (_FLOATS,),
        random=True,
    ),
    KnownMessage(
        "sd1",
        "Stable Diffusion 1: the text-to-image script of CompVis",
        _text("StableDiffusionV1"),
        (_BYTES,),
        random=False,
    ),
    KnownMessage(
        "sd1-inpainting",
        "Stable Diffusion 1 inpainting: demos of the checkpoint of Runway",
        _text("StableDiffusionV1-Inpainting"),
        (_BYTES,),
        random=False,
    ),
    KnownMessage(
        "sd2",
        "Stable Diffusion 2: the scripts of Stability AI",
        _text("SDV2"),
        (_BYTES,),
        random=False,
    ),
    KnownMessage(
        "invokeai",
        "InvokeAI: the default text of its watermark node",
        _text("InvokeAI"),
        (_BYTES,),
        random=False,
    ),
)
