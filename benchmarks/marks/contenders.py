"""The marks that are compared: TileMark and the three methods of ``invisible-watermark``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from marks.pictures import Rgb
from retouch_safety.tilemark import Claim, Keys, MarkStatus, Payload, detect, embed_surviving

BITS = 32
KEYS = Keys(0, bytes(range(32)), bytes(range(32, 64)))

Bits = npt.NDArray[np.uint8]


class Contender(Protocol):
    """Something that writes 32 bits into a picture and reads them."""

    def write(self, rgb: Rgb, bits: Bits, seed: int) -> Rgb:
        """Return the marked picture; the same one when it cannot be marked."""
        ...

    def read(self, rgb: Rgb, *, placed: bool) -> Bits | None:
        """Return the bits, or None where the method says that it cannot read them."""
        ...


class TileMark:
    """Ours, as released: closed-loop strength, authenticated."""

    def write(self, rgb: Rgb, bits: Bits, seed: int) -> Rgb:
        """Return the marked picture; the same one when it cannot be marked."""
        record = int.from_bytes(np.packbits(bits).tobytes(), "big")
        everywhere = np.ones(rgb.shape[:2], np.bool_)
        random = np.random.default_rng(seed)
        marked = embed_surviving(rgb, everywhere, Payload(KEYS.id, record), KEYS, random=random)
        assert marked.status is MarkStatus.EMBEDDED or marked.pixels is rgb
        return marked.pixels

    def read(self, rgb: Rgb, *, placed: bool) -> Bits | None:
        """Return the bits of the first authentic mark."""
        for mark in detect(rgb, [KEYS.reader()], several=False, any_placement=placed):
            if mark.claim is Claim.AUTHENTIC and mark.payload is not None:
                packed = np.frombuffer(mark.payload.record.to_bytes(4, "big"), np.uint8)
                return np.unpackbits(packed)
        return None


class InvisibleWatermark:
    """One method of ``invisible-watermark``: raw bits, without a key or error correction."""

    def __init__(self, method: str) -> None:
        self._method = method

    def write(self, rgb: Rgb, bits: Bits, seed: int) -> Rgb:
        """Return the marked picture."""
        encoder = invisible_watermark().WatermarkEncoder()
        encoder.set_watermark("bits", bits.tolist())
        self._load(invisible_watermark().WatermarkEncoder)
        return _swapped(encoder.encode(_swapped(rgb), self._method))

    def read(self, rgb: Rgb, *, placed: bool) -> Bits | None:
        """Return whatever bits the method sees; None under 256 x 256 pixels, which it refuses."""
        if rgb.shape[0] * rgb.shape[1] < 256 * 256:
            return None
        self._load(invisible_watermark().WatermarkDecoder)
        decoder = invisible_watermark().WatermarkDecoder("bits", BITS)
        return np.asarray(decoder.decode(_swapped(rgb), self._method), np.uint8)

    def _load(self, side: Any) -> None:
        if self._method == "rivaGan":
            side.loadModel()


def contenders() -> Mapping[str, Contender]:
    """Name -> contender, in the order of the table's columns."""
    methods = ("dwtDct", "dwtDctSvd", "rivaGan")
    return {"TileMark": TileMark()} | {name: InvisibleWatermark(name) for name in methods}


def balanced_bits(random: np.random.Generator) -> Bits:
    """32 bits, half of them ones: a reader that always says the same gets half of them right."""
    return random.permutation(np.repeat(np.array([0, 1], np.uint8), BITS // 2))


@lru_cache(maxsize=1)
def invisible_watermark() -> Any:
    """The package, imported when it takes part."""
    import imwatermark  # imports torch: only when it takes part

    return imwatermark


def _swapped(picture: Rgb) -> Rgb:
    return np.ascontiguousarray(picture[..., ::-1])
