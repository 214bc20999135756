"""What a file claims to be, read from its first bytes, before anything is decoded.

The size must be known before a decoder runs: a few hundred bytes can claim gigapixels, and some
decoders allocate as soon as they open the file.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from PIL import JpegImagePlugin, TiffImagePlugin

from retouch.imaging.region import Size

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\x00", b"MM\x00*")


@dataclass(frozen=True)
class Header:
    """Format and claimed geometry of a file.

    Attributes:
        format: ``PNG``, ``JPEG``, ``WebP`` or ``TIFF``.
        size: claimed width and height in pixels.
        bits: bits per channel.
        channels: channels per pixel as stored (a palette counts as one).
        floating: channels are floating point.
    """

    format: str
    size: Size
    bits: int
    channels: int
    floating: bool = False


def read_header(data: bytes) -> Header | None:
    """Return what the file claims to be, or None for any other format.

    Raises:
        Exception: anything, on hostile bytes; the caller turns it into one error.
    """
    if data[:8] == _PNG:
        return _png(data)
    if data[:3] == b"\xff\xd8\xff":
        with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as opened:
            return Header("JPEG", Size(*opened.size), 8, len(opened.getbands()))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Header("WebP", _webp(data), 8, 4)
    if data[:4] in _TIFF:
        return _tiff(data)
    return None


def _png(data: bytes) -> Header:
    if data[12:16] != b"IHDR":
        raise ValueError("no IHDR chunk")
    width, height, bits, color = struct.unpack(">IIBB", data[16:26])
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    return Header("PNG", Size(width, height), bits, channels)


def _webp(data: bytes) -> Size:
    """Read the canvas of the three WebP layouts: extended, lossless, lossy."""
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return Size(
            1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        )
    if kind == b"VP8L":
        packed = int.from_bytes(body[1:5], "little")
        return Size(1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF))
    width, height = struct.unpack("<HH", body[6:10])
    return Size(width & 0x3FFF, height & 0x3FFF)


def _tiff(data: bytes) -> Header:
    stream = io.BytesIO(data)
    tags = TiffImagePlugin.ImageFileDirectory_v2(stream.read(8))
    stream.seek(tags.next)
    tags.load(stream)
    _check_strips(tags, len(data))
    size, bits = Size(int(tags[256]), int(tags[257])), max(tags.get(258, (1,)))
    floating = set(tags.get(339, (1,))) == {3}
    return Header("TIFF", size, int(bits), int(tags.get(277, 1)), floating)


def _check_strips(tags: TiffImagePlugin.ImageFileDirectory_v2, length: int) -> None:
    """Refuse data that lies beyond the end: OpenCV would fill it in silently."""
    for offsets, counts in ((273, 279), (324, 325)):
        for start, count in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False):
            if start + count > length:
                raise ValueError("image data beyond the end of the file")
