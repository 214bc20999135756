"""PSD and PSB: a named layer or group is edited; the result is a new layer with a mask above it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from retouch.batch.choices import Choices, MaskSource
from retouch.batch.formats.document import Filed, mask_of, missing_extra, no_such_layer
from retouch.batch.formats.psd_file import PsdFile, parsed, with_first_layers, with_layer
from retouch.batch.formats.psd_record import NewLayer, layer_bytes
from retouch.batch.released import ReleasedPatch
from retouch.errors import InvalidField, InvalidImage
from retouch.imaging.image import Floats, Image, Mask, Pixels, white_of
from retouch.imaging.region import Rect, Size
from retouch_safety.inspection import Decoded

if TYPE_CHECKING:
    from psd_tools.api.layers import Layer

_DEPTHS: Final = {8: np.uint8, 16: np.uint16}
_RGB: Final = 3
_ICC: Final = 1039
RESULT: Final = "Retouch"


class PsdDocument:
    """A file of layers.

    Args:
        data: its bytes.
        file: its path, for errors.
        layer: what is edited, as NAME or GROUP/NAME; empty for the whole picture.

    Raises:
        InvalidField: no such layer, or two of that name. InvalidImage: not 8 or 16 bits of RGB,
            or a damaged file.
    """

    container = True

    def __init__(self, data: bytes, file: Path, layer: str) -> None:
        try:
            from psd_tools import PSDImage
        except ImportError as problem:
            raise missing_extra("psd-tools", file) from problem
        self._path, self._parts = file, parsed(data)
        try:
            self._psd = PSDImage.open(io.BytesIO(data))
        except Exception as problem:  # hostile bytes raise anything
            fix = f"save it again ({problem})"
            raise InvalidImage("psd", str(file), "a whole PSD or PSB", fix) from problem
        mode, bits = int(self._psd.color_mode), int(self._psd.depth)
        if mode != _RGB or bits not in _DEPTHS:
            given, fix = f"{self._psd.color_mode.name}, {bits} bits", "convert a copy of it"
            raise InvalidImage(f"{file}", given, "RGB of 8 or 16 bits a channel", fix)
        self._depth = np.dtype(_DEPTHS[bits])
        self._numbers = dict(_numbered(self._psd))
        known = self._parts.info
        if len(known.layers if known else ()) != _records(self._psd):
            fix = "save it again with the program it is from"
            raise InvalidImage(f"{file}", "layers that cannot be counted", "a whole PSD", fix)
        self._layer = self._named(layer) if layer else None

    @property
    def size(self) -> Size:
        """Of the canvas."""
        return Size(int(self._psd.width), int(self._psd.height))

    @cached_property
    def picture(self) -> Image:
        """The layer on the canvas, or the merged picture, with the document's profile."""
        color, opacity = self._shown(self._layer)
        alpha = None if opacity.min() >= 1 else self._at_depth(opacity)
        return Image(self._at_depth(color), alpha, self._profile)

    @property
    def _profile(self) -> bytes | None:
        icc = self._psd.image_resources.get_data(_ICC)
        return icc if isinstance(icc, bytes) and icc[16:20] == b"RGB " else None

    def strength(self, source: MaskSource) -> Mask:
        """Return the layer's transparency, or another layer's brightness, as a mask."""
        if source.kind == "alpha":
            alpha = self.picture.alpha
            if alpha is None:
                fix = "name a layer or a file"
                allowed = f"a layer with transparency: {self._path}"
                raise InvalidField("mask", "alpha", allowed, fix)
            return mask_of(alpha.astype(np.float32) / np.float32(self.picture.white), source)
        color, opacity = self._shown(self._named(source.name))
        shown = Image(np.ascontiguousarray(color, np.float32), np.clip(opacity, 0, 1))
        return mask_of(shown.strength(), source)

    def with_patch(self, patch: ReleasedPatch, choices: Choices) -> Filed:
        """Return the file with the patch as a new layer: its pixels, and its alpha as the mask.

        Raises:
            InvalidField: a patch of another depth.
        """
        if patch.pixels.dtype != self._depth:
            fix = "leave depth out"
            raise InvalidField("depth", patch.pixels.dtype.name, self._depth.name, fix)
        name = choices.result_layer or RESULT
        numbers = [layer.layer_id for layer in self._psd.descendants()]
        info = self._parts.info
        above = None if info is None else self._above()
        clipped = False
        if info is not None and above is not None:
            own = self._layer is not None and bool(info.layers[above].clipping)
            next_one = info.layers[above + 1 :][:1]
            clipped = own or any(each.clipping for each in next_one)
        new = NewLayer(
            name, patch.pixels, patch.alpha, patch.bounds, clipped, max([0, *numbers]) + 1
        )
        data = self._with(new, above)
        box = patch.bounds
        where = f"at {box.x},{box.y} {box.width}x{box.height}"
        return Filed(data, f"pixels and mask of the layer {name!r} {where}, as they were released")

    def shown(self) -> npt.NDArray[np.uint8]:
        """Return all layers as a host shows them."""
        color, opacity = self._composed(self._psd)
        paper = color * opacity[..., None] + (1 - opacity[..., None])
        return np.asarray(np.rint(np.clip(paper, 0, 1) * 255), np.uint8)

    def _with(self, new: NewLayer, above: int | None) -> bytes:
        big = self._parts.big
        record, channels = layer_bytes(new, big=big)
        if above is not None:
            return with_layer(self._parts, record, channels, above)
        # a flat file: what it shows becomes its lowest layer, or hosts would show the patch alone
        color, _ = self._shown(None)
        canvas = Rect(0, 0, *self.size)
        ground = NewLayer("Background", self._at_depth(color), None, canvas, False, new.number)
        numbered = NewLayer(new.name, new.pixels, new.mask, new.bounds, new.clipped, new.number + 1)
        layers = [layer_bytes(each, big=big) for each in (ground, numbered)]
        return with_first_layers(self._parts, layers, self._depth.itemsize * 8)

    def _above(self) -> int:
        """The record that the new layer goes on top of."""
        if self._layer is not None:
            return self._numbers[id(self._layer)]
        assert self._parts.info is not None
        return len(self._parts.info.layers) - 1

    def _named(self, name: str) -> Layer:
        """Return a layer by name or path. Raises InvalidField."""
        paths = {id(layer): path for layer, path in _paths(self._psd, "")}
        layers = list(self._psd.descendants())
        exact = [layer for layer in layers if paths[id(layer)] == name]
        found = exact or [layer for layer in layers if _name(layer) == name]
        if not found:
            raise no_such_layer(name, sorted(paths.values()), self._path)
        if len(found) > 1:
            where = ", ".join(paths[id(layer)] for layer in found)
            fix = "say which as GROUP/NAME, or rename one"
            raise InvalidField("layer", name, f"one layer; these have the name: {where}", fix)
        return found[0]

    def _shown(self, layer: Layer | None) -> tuple[Floats, Floats]:
        """Colour H x W x 3 and opacity H x W on the canvas, in [0, 1]."""
        if layer is None:
            if self._parts.info is not None and not self._psd.has_preview():
                return self._composed(self._psd)
            color = np.asarray(self._psd.numpy("color"), np.float32)
            opacity = self._psd.numpy("shape") if self._parts.info is not None else None
            whole = np.ones(color.shape[:2], np.float32)
            return color, whole if opacity is None else np.asarray(opacity[..., 0], np.float32)
        if layer.is_group() or layer.kind != "pixel":
            return self._composed(layer)
        return self._placed(layer)

    def _placed(self, layer: Layer) -> tuple[Floats, Floats]:
        """A pixel layer's own values, exact at the document's depth, where the canvas is."""
        width, height = self.size
        color = np.zeros((height, width, 3), np.float32)
        opacity = np.zeros((height, width), np.float32)
        box = Rect(layer.left, layer.top, layer.width, layer.height)
        if box.width < 1 or box.height < 1:
            return color, opacity
        inside = box.clip(Rect(0, 0, width, height))
        if inside.width > 0 and inside.height > 0:
            own = Rect(inside.x - box.x, inside.y - box.y, inside.width, inside.height)
            color[inside.slices] = layer.numpy("color")[own.slices]
            shape = layer.numpy("shape")
            opacity[inside.slices] = 1 if shape is None else shape[own.slices][..., 0]
        return color, opacity

    def _composed(self, layers: Any) -> tuple[Floats, Floats]:
        from psd_tools.composite import composite

        try:
            color, _, alpha = composite(layers, viewport=(0, 0, *self.size), force=True)
        except ImportError as problem:
            fix = "merge its shapes and effects into pixels, or edit a pixel layer"
            allowed = f"pixel layers and groups of them ({problem})"
            raise InvalidField("layer", str(layers), allowed, fix) from problem
        return np.asarray(color, np.float32), np.asarray(alpha[..., 0], np.float32)

    def _at_depth(self, unit: npt.NDArray[np.floating[Any]]) -> Pixels:
        white = white_of(self._depth)
        scaled = np.rint(np.clip(unit.astype(np.float64), 0, 1) * white)
        return np.ascontiguousarray(scaled.astype(self._depth))


def released_layers(data: bytes, file: Path) -> Iterator[tuple[str, Decoded]]:
    """Yield name, and pixels and mask, of every pixel layer, at their own depth, to look for marks.

    Raises:
        InvalidField, InvalidImage: as of :class:`PsdDocument`.
    """
    document = PsdDocument(data, file, "")
    for layer, path in _paths(document._psd, ""):
        if layer.is_group() or layer.kind != "pixel" or layer.width < 1 or layer.height < 1:
            continue
        pixels = document._at_depth(layer.numpy("color"))
        mask = layer.numpy("mask")
        shape = layer.numpy("shape") if mask is None else mask
        same = shape is not None and shape.shape[:2] == pixels.shape[:2]
        alpha = document._at_depth(shape[..., 0]) if same else None
        yield path, Decoded(pixels, alpha, document._profile)


def psd_parts(data: bytes) -> PsdFile:
    """Return where a file's parts are; for tests and tools. Raises InvalidImage."""
    return parsed(data)


def _name(layer: Layer) -> str:
    return str(layer.name).rstrip("\0")  # Krita's names end so


def _paths(group: Any, before: str) -> Iterator[tuple[Layer, str]]:
    for layer in group:
        path = before + _name(layer)
        yield layer, path
        if layer.is_group():
            yield from _paths(layer, path + "/")


def _numbered(group: Any) -> Iterator[tuple[int, int]]:
    """Yield, for each layer, the number of its record: a group has one below and one above."""
    for number, layer in enumerate(_in_order(group)):
        if layer is not None:
            yield id(layer), number


def _in_order(group: Any) -> Iterator[Any]:
    for layer in group:
        if layer.is_group():
            yield None
            yield from _in_order(layer)
        yield layer


def _records(group: Any) -> int:
    return sum(1 for _ in _in_order(group))
