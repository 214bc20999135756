"""EXR: the picture is edited in sRGB's encoding; the result is in its own space, and in a layer.

The layer has what the gate released, bit for bit, in sRGB's encoding. The picture's own channels
get the same patch in the file's space, laid over them as a host does it: where the patch is not,
every bit stays, also NaN and values above 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from retouch.batch.choices import Choices, MaskSource
from retouch.batch.formats.color_spaces import ColorSpace, color_space
from retouch.batch.formats.document import Filed, mask_of, missing_extra, no_such_layer
from retouch.batch.formats.exr_file import ExrFile, read_exr, written_exr
from retouch.batch.formats.exr_header import box_attribute, text_attribute
from retouch.batch.released import ReleasedPatch
from retouch.errors import InvalidField
from retouch.imaging.image import Floats, Image, Mask, Pixels
from retouch.imaging.region import Rect, Size
from retouch_safety.inspection import Decoded

RESULT: Final = "retouch"
_COLORS: Final = ("R", "G", "B")
_RECEIPT, _BOUNDS, _LAYER = "retouch:receipt", "retouch:bounds", "retouch:layer"
_SPACE, _EXPOSURE = "retouch:colorSpace", "retouch:exposure"


@dataclass(frozen=True)
class _Beauty:
    """Where the edited channels are: number of the part, and the prefix of their names."""

    part: int
    prefix: str


class ExrDocument:
    """A file of floats.

    Args:
        file: its path.
        choices: its layer, space and exposure.

    Raises:
        InvalidField: no such layer or space, or an extra is not installed. InvalidImage: damaged.
    """

    container = True

    def __init__(self, file: Path, choices: Choices) -> None:
        self._path, self._exr = file, read_exr(file)
        self._beauty = _beauty(self._exr, choices.layer)
        header = self._exr.parts[self._beauty.part].header
        try:
            self._space: ColorSpace = color_space(choices.color_space, header, choices.exposure)
        except ImportError as problem:
            raise missing_extra("opencolorio", file) from problem

    @cached_property
    def _planes(self) -> dict[str, Pixels]:
        return self._exr.channels(self._beauty.part)

    @property
    def size(self) -> Size:
        """Of the data window: the canvas of masks and regions."""
        height, width = self._planes[self._beauty.prefix + "R"].shape
        return Size(width, height)

    @cached_property
    def picture(self) -> Image:
        """In sRGB's encoding; values that are not finite count as black for the edit."""
        encoded = self._space.to_srgb(self._straight)
        clean = np.nan_to_num(encoded, nan=0.0, posinf=1.0, neginf=0.0)
        alpha = self._alpha
        return Image(clean, None if alpha is None else np.clip(alpha, 0, 1))

    @cached_property
    def _alpha(self) -> Floats | None:
        found = self._planes.get(self._beauty.prefix + "A")
        if found is None:
            return None
        alpha = np.nan_to_num(found.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
        return None if alpha.min() >= 1 else alpha

    @cached_property
    def _stored(self) -> Floats:
        names = [self._beauty.prefix + color for color in _COLORS]
        return np.stack([self._planes[name].astype(np.float32) for name in names], axis=-1)

    @property
    def _straight(self) -> Floats:
        """Colours as they are without transparency, which EXR multiplies them by."""
        stored = np.nan_to_num(self._stored, nan=0.0, posinf=65504.0, neginf=-65504.0)
        if self._alpha is None:
            return stored
        opacity = self._alpha[..., None]
        return np.where(opacity > 0, stored / np.where(opacity > 0, opacity, 1), stored)

    def strength(self, source: MaskSource) -> Mask:
        """Return its alpha, or a channel such as ``matte.A``, as a mask."""
        if source.kind == "alpha":
            if self._alpha is None:
                fix = "name a channel or a file"
                allowed = f"a picture with transparency: {self._path}"
                raise InvalidField("mask", "alpha", allowed, fix)
            return mask_of(self._alpha, source)
        names = [source.name, *(f"{source.name}.{each}" for each in ("A", "R", "Y"))]
        for part in range(len(self._exr.parts)):
            channels = self._exr.channels(part)
            for name in names:
                if name in channels and channels[name].shape == self.size[::-1]:
                    values = np.nan_to_num(channels[name].astype(np.float32), nan=0.0)
                    return mask_of(values, source)
        raise no_such_layer(source.name, sorted(_names(self._exr)), self._path)

    def with_patch(self, patch: ReleasedPatch, choices: Choices) -> Filed:
        """Return the file with the patch over its channels, and as it was released in a layer."""
        if patch.pixels.dtype != np.float32:
            raise InvalidField("depth", patch.pixels.dtype.name, "float32", "leave depth out")
        prefix, layer = self._beauty.prefix, self._free(choices.result_layer or RESULT)
        above = self._space.from_srgb(patch.pixels)
        channels = {
            prefix + color: self._laid_over(self._planes[prefix + color], above[..., number], patch)
            for number, color in enumerate(_COLORS)
        }
        width, height = self.size
        for name, plane in zip(
            "RGBA", (*patch.pixels.transpose(2, 0, 1), patch.alpha), strict=True
        ):
            whole = np.zeros((height, width), np.float32)
            whole[patch.bounds.slices] = plane
            channels[f"{layer}.{name}"] = whole
        box = patch.bounds
        attributes = {
            _RECEIPT: text_attribute(patch.receipt.to_json()),
            _BOUNDS: box_attribute(box.x, box.y, box.width, box.height),
            _LAYER: text_attribute(layer),
            _SPACE: text_attribute(self._space.name),
            _EXPOSURE: text_attribute(f"{self._space.exposure:g}"),
        }
        data = written_exr(self._exr, self._beauty.part, channels, attributes)
        where = f"at {box.x},{box.y} {box.width}x{box.height} of the data window"
        words = (
            f"channels {layer}.RGBA {where}, in sRGB's encoding, as they were released; "
            f"the same in {self._space.name} laid over {prefix}RGB"
        )
        return Filed(data, words)

    def _laid_over(self, own: Pixels, above: Floats, patch: ReleasedPatch) -> Pixels:
        """One channel with the patch over it; where its alpha is 0, the same bits."""
        wide = above.astype(np.float64)
        if self._alpha is not None:
            wide = wide * self._alpha[patch.bounds.slices]
        weight, found = patch.alpha.astype(np.float64), own.copy()
        below = found[patch.bounds.slices]
        finite = np.nan_to_num(below.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        mixed = np.where(weight == 1, wide, finite + (wide - finite) * weight)
        most = float(np.finfo(own.dtype).max)
        mixed = np.clip(mixed, -most, most).astype(own.dtype)
        found[patch.bounds.slices] = np.where(weight > 0, mixed, below)
        return found

    def _free(self, layer: str) -> str:
        """A layer's name that the part does not have yet."""
        known = {name.rpartition(".")[0] for name in self._planes}
        number, name = 1, layer
        while name in known:
            number, name = number + 1, f"{layer}{number + 1}"
        return name

    def shown(self) -> npt.NDArray[np.uint8]:
        """Return it as a screen has it, without tone mapping."""
        return np.asarray(np.rint(np.clip(self.picture.pixels, 0, 1) * 255), np.uint8)


def released_layers(file: Path) -> Iterator[tuple[str, Decoded]]:
    """Yield the layer that was released, cut to its bounds, and the picture, to look for marks.

    Raises:
        InvalidField, InvalidImage: as of :class:`ExrDocument`.
    """
    exr = read_exr(file)
    choices = Choices()
    for number, part in enumerate(exr.parts):
        if _BOUNDS not in part.header or _LAYER not in part.header:
            continue
        layer, (low, high) = part.header[_LAYER], part.header[_BOUNDS]
        wide, tall = (int(end - begin) + 1 for begin, end in zip(low, high, strict=True))
        box, planes = Rect(int(low[0]), int(low[1]), wide, tall), exr.channels(number)
        found = np.stack([planes[f"{layer}.{each}"][box.slices] for each in "RGBA"], axis=-1)
        pixels, alpha = np.ascontiguousarray(found[..., :3]), np.ascontiguousarray(found[..., 3])
        yield layer, Decoded(pixels, alpha)
        space, exposure = part.header.get(_SPACE, ""), float(part.header.get(_EXPOSURE, "0"))
        choices = Choices(color_space=space, exposure=exposure)
    document = ExrDocument(file, choices)
    yield "RGB", Decoded(document.picture.pixels, document.picture.alpha)


def _beauty(exr: ExrFile, layer: str) -> _Beauty:
    """Return where the edited channels are. Raises InvalidField."""
    for number, part in enumerate(exr.parts):
        named = not layer or part.name() == layer
        for prefix in ([""] if named else []) + ([f"{layer}."] if layer else []):
            sampled = [part.channels.get(prefix + color) for color in _COLORS]
            floats = all(s is not None and s.pixels.dtype.kind == "f" for s in sampled)
            if floats and all((s.xSampling, s.ySampling) == (1, 1) for s in sampled):
                return _Beauty(number, prefix)
    known = sorted(_names(exr))
    if layer:
        raise no_such_layer(layer, known, exr.file)
    fix = "name the layer to edit with `layer`"
    allowed = "channels R, G and B of half or float"
    raise InvalidField("input", f"{exr.file}: {', '.join(known[:20])}", allowed, fix)


def _names(exr: ExrFile) -> set[str]:
    return {name for part in exr.parts for name in part.channels}
