"""Reading pictures and masks from files that nobody has vouched for.

Every failure is one ``InvalidImage`` with field, value, allowed range and fix. The size is
checked before anything is decoded; see :mod:`retouch.imaging.header`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import (
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from retouch.errors import InvalidImage
from retouch.imaging.header import Header, read_header
from retouch.imaging.image import Image, Mask, Pixels
from retouch.imaging.region import Size

MAX_PIXELS = 64_000_000
MAX_BYTES = 1 << 30
FORMATS = "PNG, JPEG, WebP, TIFF"

Source: TypeAlias = str | os.PathLike[str] | bytes

_ORIENTATION = 274  # EXIF and TIFF tag
_MIRRORED = (2, 4, 5, 7)
_QUARTER_TURNS = {3: 2, 4: 2, 6: 3, 5: 3, 8: 1, 7: 1}  # counter-clockwise, as numpy.rot90
_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")
_OPAQUE = ("1", "L", "P", "RGB", "RGBX", "YCbCr")


class _Decoded(NamedTuple):
    pixels: Pixels  # H x W, or H x W x 2..4
    icc: bytes | None
    orientation: int


def read_image(source: Source, *, max_pixels: int = MAX_PIXELS, field: str = "image") -> Image:
    """Read a picture from a path or from the bytes of a file.

    PNG, JPEG, WebP and TIFF; grey, palette, RGB, CMYK, with or without transparency. 8 bits stay
    8, 16 stay 16, float TIFF stays float; grey becomes three equal channels. The EXIF orientation
    is applied. CMYK is converted to sRGB through its profile; a profile that does not describe
    RGB values is dropped.

    Args:
        source: path, or the bytes of a file.
        max_pixels: refuse larger pictures before decoding them.
        field: name of the field, for the error.

    Raises:
        InvalidImage: missing, not a picture, unsupported, animated, truncated or too large.
    """
    data, name = _load(source, field)
    try:
        header = read_header(data)
    except Exception as error:  # hostile bytes raise anything, from struct.error to IndexError
        raise _broken(field, name, error) from error
    if header is None:
        raise InvalidImage(field, name, f"a {FORMATS} picture", "export it in one of these")
    _check_size(header.size, max_pixels, field)
    try:
        decoded = _decode(data, header, field)
    except InvalidImage:
        raise
    except Exception as error:  # as above: every decoder fails in its own way
        raise _broken(field, name, error) from error
    return _image(decoded, field)


def read_mask(
    source: Source,
    *,
    size: Size | None = None,
    max_pixels: int = MAX_PIXELS,
    field: str = "mask",
) -> Mask:
    """Read a mask: white edits fully, black keeps; transparency multiplies it.

    Of a picture with colours the luminance counts, as in ``Image.strength``.

    Args:
        source: path, or the bytes of a file.
        size: size that the mask must have in pixels, the picture's; None accepts any.
        max_pixels: refuse larger pictures before decoding them.
        field: name of the field, for the error.

    Raises:
        InvalidImage: as :func:`read_image`, or a size that is not ``size``.
    """
    image = read_image(source, max_pixels=max_pixels, field=field)
    if size is not None and image.size != tuple(size):
        found, wanted = (f"{s[0]}x{s[1]}" for s in (image.size, size))
        fix = "export the mask at the picture's size"
        raise InvalidImage(f"{field}.size", found, f"{wanted}, the picture's size", fix)
    return Mask(image.strength())


def _load(source: Source, field: str) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        if not source:
            raise InvalidImage(field, "0 bytes", f"a {FORMATS} file", "send the whole file")
        return source, f"{len(source)} bytes"
    path = Path(source)
    try:
        if not path.exists():
            raise InvalidImage(field, str(path), "an existing file", "check the path")
        if not path.is_file():
            raise InvalidImage(field, str(path), "a file, not a folder", "name the picture in it")
        length = path.stat().st_size
        if not 0 < length <= MAX_BYTES:
            allowed = f"1 to {MAX_BYTES} bytes"
            raise InvalidImage(field, f"{path} ({length} bytes)", allowed, "export it again")
        return path.read_bytes(), str(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InvalidImage(field, str(path), "a readable file", f"repair it: {error}") from error


def _check_size(size: Size, max_pixels: int, field: str) -> None:
    if size.width < 1 or size.height < 1:
        raise InvalidImage(f"{field}.size", f"{size.width}x{size.height}", ">= 1x1", "export again")
    if size.width * size.height > max_pixels:
        allowed = f"at most {max_pixels / 1e6:g} million pixels"
        found = f"{size.width}x{size.height}"
        raise InvalidImage(f"{field}.size", found, allowed, "scale it down or raise the limit")


def _broken(field: str, name: str, error: Exception) -> InvalidImage:
    problem = str(error) or type(error).__name__
    return InvalidImage(field, name, f"a whole {FORMATS} file", f"export it again ({problem})")


def _decode(data: bytes, header: Header, field: str) -> _Decoded:
    if header.format == "TIFF" and header.floating and header.channels > 1:
        return _decode_float_tiff(data)
    with _open(data, header.format) as opened:
        frames = getattr(opened, "n_frames", 1)
        if frames > 1:
            fix = "export a single frame"
            raise InvalidImage(field, f"{frames} frames", "one still picture", fix)
        # Before anything is decoded: a file may hold a second, larger size than its header's.
        if tuple(opened.size) not in (header.size, header.size[::-1]):
            raise ValueError("two different sizes in one file")
        opened.load()  # also for 16-bit colour: Pillow refuses truncated data, OpenCV may not
        if tuple(opened.size) not in (header.size, header.size[::-1]):
            raise ValueError("two different sizes in one file")
        # Pillow has already turned a TIFF upright
        turned = header.format != "TIFF"
        orientation = int(opened.getexif().get(_ORIENTATION, 1)) if turned else 1
        icc = opened.info.get("icc_profile")
        if header.bits == 16 and header.channels > 1:
            return _Decoded(_decode_deep(data), icc, orientation)
        if opened.mode == "CMYK":
            return _Decoded(_cmyk(opened, icc), None, orientation)
        return _Decoded(_array(opened, field), icc, orientation)


def _open(data: bytes, kind: str) -> ImageFile.ImageFile:
    """Open with one known reader; ``Image.open`` would try them all and has a global limit."""
    readers: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
        "PNG": PngImagePlugin.PngImageFile,
        "JPEG": JpegImagePlugin.JpegImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
    }
    return readers[kind](io.BytesIO(data))


def _array(opened: Pillow.Image, field: str) -> Pixels:
    mode = opened.mode
    if mode in _TRANSPARENT or (mode in _OPAQUE and "transparency" in opened.info):
        straight = opened.convert("LA") if mode == "La" else opened
        return np.asarray(straight.convert("RGBA"))
    if mode in _OPAQUE:
        return np.asarray(opened.convert("RGB"))
    if mode == "F" or mode.startswith("I"):
        values = np.asarray(opened)
        if mode == "F":
            return values.astype(np.float32)
        if values.min() >= 0 and values.max() <= 65535:
            return values.astype(np.uint16)
    allowed = "grey, palette, RGB or CMYK of 8 or 16 bits, or 32-bit float TIFF"
    raise InvalidImage(f"{field}.mode", mode, allowed, "export it as RGB")


def _cmyk(opened: Pillow.Image, icc: bytes | None) -> Pixels:
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(opened, profile, srgb, outputMode="RGB")
            return np.asarray(converted)
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken profile must not lose the picture: fall through to the plain formula
    return np.asarray(opened.convert("RGB"))


def _decode_deep(data: bytes) -> Pixels:
    """Decode 16-bit colour and 32-bit float colour, which Pillow cannot hold."""
    found: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.ndim != 3 or found.dtype not in (np.uint16, np.float32):
        raise ValueError("image data that cannot be decoded at its own depth")
    order = [2, 1, 0, 3][: found.shape[2]]
    return np.ascontiguousarray(found[..., order])


def _decode_float_tiff(data: bytes) -> _Decoded:
    stream = io.BytesIO(data)
    tags = TiffImagePlugin.ImageFileDirectory_v2(stream.read(8))
    stream.seek(tags.next)
    tags.load(stream)
    if tags.next:
        raise InvalidImage("file", "several pages", "one still picture", "export a single frame")
    return _Decoded(_decode_deep(data), tags.get(34675), 1)


def _image(decoded: _Decoded, field: str) -> Image:
    pixels = _upright(decoded.pixels, decoded.orientation)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    alpha = np.ascontiguousarray(pixels[..., 3]) if pixels.shape[2] == 4 else None
    icc = decoded.icc if decoded.icc and decoded.icc[16:20] == b"RGB " else None
    try:
        return Image(np.ascontiguousarray(pixels[..., :3]), alpha, icc)
    except InvalidImage as error:
        raise InvalidImage(field, error.value, error.allowed, error.fix) from error


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Apply an EXIF orientation, 1 to 8; any other value means upright."""
    turned = np.rot90(pixels, _QUARTER_TURNS.get(orientation, 0))
    return turned[:, ::-1] if orientation in _MIRRORED else turned
