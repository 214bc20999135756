"""Pictures as hosts hold them, and how the daemon is told to read them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Dict

#: Names of ``retouch.v1.ChannelOrder`` -> samples per pixel.
CHANNELS = {"GRAY": 1, "GRAY_ALPHA": 2, "RGB": 3, "RGBA": 4, "BGRA": 4}
#: Names of ``retouch.v1.SampleType`` -> bytes per sample.
SAMPLES = {"UINT8": 1, "UINT16": 2, "FLOAT16": 2, "FLOAT32": 4}

#: ``retouch.v1.ImageRef`` in JSON form: a picture that the daemon has.
Reference = Dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """Pixels as a host holds them: rows of samples, or the bytes of a picture file.

    Attributes:
        data: top row first, channels interleaved, little-endian; or a PNG, JPEG, WebP, TIFF file.
        width, height: in pixels; 0 = ``data`` is a file.
        channel_order: a key of ``CHANNELS``.
        sample_type: a key of ``SAMPLES``. Floats have 1.0 as white.
        profile: None = sRGB (of a file: its own); "srgb"; or the bytes of an ICC profile.
        row_stride: bytes from one row to the next; 0 = no gaps.
        white_value: sample value of white, of integers; 0 = the type's largest.
        premultiplied: whether colour has been multiplied by alpha.

    Raises:
        ValueError: bytes that do not fit the size; unknown names.
    """

    data: bytes
    width: int = 0
    height: int = 0
    channel_order: str = "RGBA"
    sample_type: str = "UINT8"
    profile: str | bytes | None = None
    row_stride: int = 0
    white_value: int = 0
    premultiplied: bool = False

    def __post_init__(self) -> None:
        if not (self.width or self.height):
            return
        for name, known in (("channel_order", CHANNELS), ("sample_type", SAMPLES)):
            if getattr(self, name) not in known:
                words = ", ".join(known)
                raise ValueError(f"{name} {getattr(self, name)!r} is not known. Fix: use {words}.")
        row = self.width * self.pixel_bytes
        wanted = (self.row_stride or row) * (self.height - 1) + row
        packed = not self.row_stride
        if (
            self.width < 1
            or self.height < 1
            or len(self.data) < wanted
            or (packed and len(self.data) != wanted)
        ):
            size = f"{self.width}x{self.height} {self.channel_order} {self.sample_type}"
            words = f"a picture of {size} has {wanted} bytes, not {len(self.data)}"
            raise ValueError(f"{words}. Fix: read the same rectangle that is named.")

    @property
    def is_file(self) -> bool:
        """Whether ``data`` is a picture file."""
        return not self.width

    @property
    def pixel_bytes(self) -> int:
        """Bytes of one pixel."""
        return CHANNELS[self.channel_order] * SAMPLES[self.sample_type]


def reference(picture: Picture, blobs: dict[str, bytes]) -> Reference:
    """Return how a request names a picture; its bytes are added to ``blobs`` by their digests."""
    found: Reference = {
        "sha256": _kept(picture.data, blobs),
        "sizeBytes": str(len(picture.data)),
    }
    if not picture.is_file:
        found["raw"] = {
            "size": {"width": picture.width, "height": picture.height},
            "channelOrder": "CHANNEL_ORDER_" + picture.channel_order,
            "sampleType": "SAMPLE_TYPE_" + picture.sample_type,
            "rowStrideBytes": picture.row_stride,
            "whiteValue": picture.white_value,
            "alphaMode": "ALPHA_MODE_" + ("PREMULTIPLIED" if picture.premultiplied else "STRAIGHT"),
        }
    if isinstance(picture.profile, bytes):
        found["colorProfile"] = {"iccSha256": _kept(picture.profile, blobs)}
    elif picture.profile:
        found["colorProfile"] = {"name": picture.profile}
    return found


def picture_of(sent: Reference, data: bytes, profile: str | bytes | None = None) -> Picture:
    """Return the picture that the daemon names and whose bytes were fetched.

    Args:
        sent: how the daemon names it; zeros are left out in JSON.
        data: its bytes.
        profile: of its pixels.
    """
    raw = sent.get("raw")
    if not raw:
        return Picture(data, profile=profile)
    size = raw.get("size", {})
    return Picture(
        data,
        int(size.get("width", 0)),
        int(size.get("height", 0)),
        str(raw.get("channelOrder", "")).replace("CHANNEL_ORDER_", ""),
        str(raw.get("sampleType", "")).replace("SAMPLE_TYPE_", ""),
        profile,
        int(raw.get("rowStrideBytes", 0)),
    )


def is_reference(value: Any) -> bool:
    """Tell whether a value names a picture that the daemon has."""
    return isinstance(value, dict) and isinstance(value.get("sha256"), str)


def _kept(data: bytes, blobs: dict[str, bytes]) -> str:
    digest = hashlib.sha256(data).hexdigest()
    blobs[digest] = bytes(data)
    return digest
