"""Pictures and masks of a request, from the blobs that it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retouch.errors import InvalidField, InvalidImage
from retouch.imaging.convert import SRGB
from retouch.imaging.decode import MAX_PIXELS, read_image
from retouch.imaging.header import read_header
from retouch.imaging.image import Image, Mask
from retouch.imaging.patch import grow
from retouch.imaging.region import Rect, Size
from retouch.v1 import image_pb2, mask_pb2
from retouch_daemon.storage.errors import CorruptBlob, UnknownBlob

#: Digest -> bytes; raises UnknownBlob, CorruptBlob or ValueError.
Fetch = Callable[[str], bytes]

_CHANNELS: Final = {
    image_pb2.CHANNEL_ORDER_GRAY: (0, 0, 0),
    image_pb2.CHANNEL_ORDER_GRAY_ALPHA: (0, 0, 0, 1),
    image_pb2.CHANNEL_ORDER_RGB: (0, 1, 2),
    image_pb2.CHANNEL_ORDER_RGBA: (0, 1, 2, 3),
    image_pb2.CHANNEL_ORDER_BGRA: (2, 1, 0, 3),
}
_COUNT: Final = {
    image_pb2.CHANNEL_ORDER_GRAY: 1,
    image_pb2.CHANNEL_ORDER_GRAY_ALPHA: 2,
    image_pb2.CHANNEL_ORDER_RGB: 3,
    image_pb2.CHANNEL_ORDER_RGBA: 4,
    image_pb2.CHANNEL_ORDER_BGRA: 4,
}
_SAMPLES: Final[dict[int, np.dtype[Any]]] = {
    image_pb2.SAMPLE_TYPE_UINT8: np.dtype("<u1"),
    image_pb2.SAMPLE_TYPE_UINT16: np.dtype("<u2"),
    image_pb2.SAMPLE_TYPE_FLOAT16: np.dtype("<f2"),
    image_pb2.SAMPLE_TYPE_FLOAT32: np.dtype("<f4"),
}
_NAMED: Final = {
    "channel_order": tuple(_CHANNELS),
    "sample_type": tuple(_SAMPLES),
    "alpha_mode": tuple(image_pb2.AlphaMode.values()),
}
_FORMATS: Final = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WebP",
    "image/tiff": "TIFF",
}
_GROW: Final = (-1024.0, 1024.0)
_FEATHER: Final = (0.0, 4096.0)


@dataclass(frozen=True, slots=True)
class PictureReader:
    """Reads what a request refers to.

    Attributes:
        fetch: where bytes come from.
    """

    fetch: Fetch

    def image(self, ref: image_pb2.ImageRef, field: str) -> Image:
        """Return the picture that a reference names.

        Raises:
            InvalidImage: not uploaded, damaged, no picture, or too large.
            InvalidField: a layout that is not complete.
        """
        data = self._bytes(ref.sha256, f"{field}.sha256")
        if ref.size_bytes and ref.size_bytes != len(data):
            fix = "send the length of what was uploaded, or 0"
            raise InvalidImage(f"{field}.size_bytes", ref.size_bytes, str(len(data)), fix)
        if ref.WhichOneof("layout") == "raw":
            return self._with_profile(_from_rows(data, ref.raw, field), ref, field)
        image = read_image(data, field=field)
        _check_media_type(data, ref.encoded.media_type, f"{field}.encoded.media_type")
        return self._with_profile(image, ref, field)

    def mask(self, mask: mask_pb2.Mask, size: Size, field: str) -> Mask:
        """Return a mask over a canvas of ``size``, grown as asked.

        Raises:
            InvalidImage, InvalidField: also where the polarity is not given.
        """
        picture = self.image(mask.image, f"{field}.image")
        edit_black = mask.polarity == mask_pb2.MASK_POLARITY_EDIT_BLACK
        if not edit_black and mask.polarity != mask_pb2.MASK_POLARITY_EDIT_WHITE:
            allowed = "MASK_POLARITY_EDIT_WHITE or MASK_POLARITY_EDIT_BLACK"
            fix = "say what white means: a guess would edit exactly the wrong pixels"
            raise InvalidField(f"{field}.polarity", mask.polarity, allowed, fix)
        strength = picture.strength(edit_black=edit_black)
        placed = _placed(strength, mask, picture.size, size, field)
        _between(mask.feather_px, _FEATHER, f"{field}.feather_px", "pixels")
        by = _between(mask.grow_px, _GROW, f"{field}.grow_px", "pixels")
        return grow(Mask(placed), round(by))

    def region(self, region: mask_pb2.Region, size: Size, field: str) -> Mask:
        """Return where an operation acts. Raises as :meth:`mask`."""
        if region.WhichOneof("shape") == "mask":
            if region.mask.feather_px:
                fix = "soften the mask itself"
                raise InvalidField(f"{field}.mask.feather_px", region.mask.feather_px, "0", fix)
            return self.mask(region.mask, size, f"{field}.mask")
        return Mask.rectangle(size, rect_of(region.rect, f"{field}.rect"))

    def _bytes(self, digest: str, field: str) -> bytes:
        try:
            return self.fetch(digest)
        except UnknownBlob as problem:
            fix = "upload it with BlobService.Put, then send the request again"
            raise InvalidImage(field, digest, "a stored blob", fix) from problem
        except (CorruptBlob, ValueError) as problem:
            allowed = "64 lower-case hexadecimal digits of a blob that is intact"
            raise InvalidImage(field, digest, allowed, "upload it again") from problem

    def _with_profile(self, image: Image, ref: image_pb2.ImageRef, field: str) -> Image:
        profile = self.profile(ref.color_profile, f"{field}.color_profile")
        if isinstance(profile, bytes):
            # As for one inside a file: what does not describe RGB values is dropped.
            return replace(image, icc=profile if profile[16:20] == b"RGB " else None)
        return image if profile is None else replace(image, icc=None)

    def profile(self, profile: image_pb2.ColorProfile, field: str) -> str | bytes | None:
        """Return a profile: ``srgb``, the bytes of one, or None where none is given.

        Raises:
            InvalidImage: not uploaded. InvalidField: no profile, or another name.
        """
        chosen = profile.WhichOneof("profile")
        if chosen == "icc_sha256":
            name = f"{field}.icc_sha256"
            icc = self._bytes(profile.icc_sha256, name)
            if icc[36:40] != b"acsp":
                fix = "upload the profile's own bytes"
                raise InvalidField(name, f"{len(icc)} bytes", "an ICC profile", fix)
            return icc
        if chosen == "name" and profile.name != SRGB:
            fix = "send the profile itself as icc_sha256"
            raise InvalidField(f"{field}.name", profile.name, SRGB, fix)
        return None if chosen is None else SRGB


def rect_of(rect: image_pb2.Rect, field: str) -> Rect:
    """Return a rectangle. Raises InvalidField where it is empty."""
    if not rect.width or not rect.height:
        given = f"{rect.width}x{rect.height}"
        raise InvalidField(field, given, "width and height of at least 1", "give both")
    return Rect(rect.x, rect.y, rect.width, rect.height)


def _check_media_type(data: bytes, named: str, field: str) -> None:
    """Refuse a name that is not the file's own. Call it once the file has been read."""
    header = read_header(data) if named else None
    if named and (header is None or _FORMATS.get(named) != header.format):
        fix = "name the file's own type, or leave it empty"
        raise InvalidField(field, named, ", ".join(_FORMATS), fix)


def _check_named(raw: image_pb2.RawLayout, field: str) -> None:
    for name, known in _NAMED.items():
        given = getattr(raw, name)
        if given not in known:
            enum = raw.DESCRIPTOR.fields_by_name[name].enum_type
            assert enum is not None
            allowed = ", ".join(enum.values_by_number[number].name for number in known)
            raise InvalidField(f"{field}.{name}", given, allowed, "use one of these: hosts differ")


def _from_rows(data: bytes, raw: image_pb2.RawLayout, field: str) -> Image:
    _check_named(raw, f"{field}.raw")
    order, sample = raw.channel_order, raw.sample_type
    width, height, count, dtype = raw.size.width, raw.size.height, _COUNT[order], _SAMPLES[sample]
    if not 0 < width * height <= MAX_PIXELS:
        allowed = f"1 to {MAX_PIXELS} pixels"
        raise InvalidImage(f"{field}.raw.size", f"{width}x{height}", allowed, "send less")
    packed = width * count * dtype.itemsize
    stride = raw.row_stride_bytes or packed
    wanted = stride * (height - 1) + packed
    if stride < packed or len(data) < wanted:
        allowed = f"at least {wanted} bytes in rows of at least {packed}"
        given = f"{len(data)} bytes in rows of {stride}"
        raise InvalidImage(f"{field}.raw", given, allowed, "send whole rows")
    rows = np.ndarray((height, packed), np.uint8, data, strides=(stride, 1))
    samples = np.ascontiguousarray(rows).view(dtype).reshape(height, width, count)
    try:
        return _to_image(_scaled(samples, raw, field), raw)
    except InvalidImage as problem:  # samples that are not finite
        raise InvalidImage(
            field, problem.value, problem.allowed, "send finite samples"
        ) from problem


def _scaled(samples: NDArray[Any], raw: image_pb2.RawLayout, field: str) -> NDArray[Any]:
    """Samples in which the type's largest value, or 1.0, is white."""
    if samples.dtype.kind == "f":
        if raw.white_value:
            fix = "leave it 0: floats have 1.0 as white"
            raise InvalidField(f"{field}.raw.white_value", raw.white_value, "0", fix)
        return samples.astype(np.float32)
    largest = int(np.iinfo(samples.dtype).max)
    white = raw.white_value or largest
    if white > largest:
        name = f"{field}.raw.white_value"
        raise InvalidField(name, white, f"0 to {largest}", "give the sample value of white")
    if white == largest:
        return samples
    return np.minimum(np.rint(samples * (largest / white)), largest).astype(samples.dtype)


def _to_image(samples: NDArray[Any], raw: image_pb2.RawLayout) -> Image:
    channels = _CHANNELS[raw.channel_order]
    pixels = samples[..., channels[:3]]
    alpha = samples[..., channels[3]] if len(channels) == 4 else None
    if alpha is not None and raw.alpha_mode == image_pb2.ALPHA_MODE_PREMULTIPLIED:
        white = 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
        share = np.maximum(alpha.astype(np.float64), 1e-12)[..., None] / white
        straight = np.where(alpha[..., None] > 0, pixels / share, 0)
        if alpha.dtype.kind != "f":
            straight = np.rint(np.minimum(straight, white))
        pixels = straight.astype(samples.dtype)
    return Image(pixels, alpha)


def _placed(
    strength: NDArray[np.float32], mask: mask_pb2.Mask, own: Size, canvas: Size, field: str
) -> NDArray[np.float32]:
    if not mask.HasField("bounds"):
        if own != canvas:
            given, wanted = f"{own.width}x{own.height}", f"{canvas.width}x{canvas.height}"
            fix = "send it at the canvas's size, or say where it lies (bounds)"
            raise InvalidImage(f"{field}.image.size", given, wanted, fix)
        return np.asarray(strength, np.float32)
    bounds = rect_of(mask.bounds, f"{field}.bounds")
    if bounds.size != own:
        given, wanted = f"{bounds.width}x{bounds.height}", f"{own.width}x{own.height}"
        raise InvalidField(f"{field}.bounds", given, wanted, "give the mask's own size")
    over = np.zeros((canvas.height, canvas.width), np.float32)
    left, top = max(bounds.x, 0), max(bounds.y, 0)
    right, bottom = min(bounds.right, canvas.width), min(bounds.bottom, canvas.height)
    if left < right and top < bottom:
        inside = np.s_[top - bounds.y : bottom - bounds.y, left - bounds.x : right - bounds.x]
        over[top:bottom, left:right] = strength[inside]
    return over


def _between(value: float, bounds: tuple[float, float], field: str, unit: str) -> float:
    low, high = bounds
    if not low <= value <= high:  # also what is not a number
        fix = "choose a number in that range"
        raise InvalidField(field, value, f"{low:g} to {high:g} {unit}", fix)
    return value
