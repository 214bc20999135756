"""A document as it was when an edit began: pixels are read in a worker thread, in pieces.

Krita's clone of a document shares its tiles until one of both is painted on: 5 to 20 ms and hardly
any memory, also at 4096 x 4096 with forty layers. So the person may paint on at once, and the
user interface never waits for pixels.
"""

from __future__ import annotations

import time
from typing import Any

from .plugin_kit.edit_request import Picture
from .plugin_kit.geometry import Rect
from .sample_form import SampleForm, form_of, is_known

#: Bytes that are read at once: Python's lock is held for about a millisecond.
_PIECE = 1 << 20


class Capture:
    """A document's pixels at one moment.

    Everything but ``close`` may be called in any one thread; ``close`` in the UI thread.

    Args:
        clone: Krita's clone of the document.
        selection: a copy of the selection; None = there is none.
        canvas: bounds of the document.
        form: of the document's samples.
        profiles: ICC profiles by Krita's names, of the document and of layers that are read.
        document_id: the daemon's name for the document.
    """

    def __init__(
        self,
        clone: Any,
        selection: Any,
        canvas: Rect,
        form: SampleForm,
        profiles: dict[str, str | bytes],
        document_id: str,
    ) -> None:
        self._clone, self._selection = clone, selection
        self.canvas, self.form, self.document_id = canvas, form, document_id
        self._profiles = profiles

    @property
    def selected(self) -> Rect | None:
        """Extent of the selection on the canvas; None = nothing is selected."""
        return None if self._selection is None else selection_extent(self._selection, self.canvas)

    def picture(self, area: Rect) -> Picture:
        """Return the document's pixels as they are shown; ``area`` lies on the canvas."""
        return self._read(self._clone.pixelData, area, self.form)

    def mask(self, area: Rect) -> bytes | None:
        """Return the soft selection, one byte per pixel; None where all of the canvas is."""
        if self._selection is None:
            return None
        found = _pieces(self._selection.pixelData, area, 1)
        everything = area.contains(self.canvas) and found.count(b"\xff") == len(found)
        return None if everything else found

    def layer_picture(self, layer_id: str) -> Picture:
        """Return all pixels of a layer, for a reference or a control picture.

        Raises:
            ValueError: it is gone, empty, or has samples that cannot be read; one sentence.
        """
        node, form, bounds = self._layer(layer_id)
        return self._read(node.projectionPixelData, bounds, form)

    def layer_mask(self, layer_id: str, area: Rect) -> bytes:
        """Return how bright a layer is, one byte per pixel; transparent counts as black.

        Raises:
            ValueError: as of ``layer_picture``.
        """
        node, form, _ = self._layer(layer_id)
        return _brightness(self._read(node.projectionPixelData, area, form))

    def close(self) -> None:
        """Let the clone go."""
        if self._clone is not None:
            self._clone.close()
        self._clone = self._selection = None

    def _layer(self, layer_id: str) -> tuple[Any, SampleForm, Rect]:
        node = find_layer(self._clone.rootNode(), layer_id)
        if node is None:
            raise ValueError("The chosen layer is gone. Fix: choose another one.")
        if not is_known(node.colorModel(), node.colorDepth()):
            fix = "convert the layer to RGB, or choose another one"
            raise ValueError(f"The layer {node.name()!r} has no RGB colours. Fix: {fix}.")
        bounds = rect_of(node.bounds())
        if bounds.empty:
            raise ValueError(f"The layer {node.name()!r} is empty. Fix: choose another one.")
        return node, form_of(node.colorDepth(), node.colorProfile()), bounds

    def _read(self, read: Any, area: Rect, form: SampleForm) -> Picture:
        pixels = _pieces(read, area, form.pixel_bytes)
        profile = self._profiles.get(form.profile_name, "srgb")
        return Picture(
            pixels, area.width, area.height, form.channel_order, form.sample_type, profile
        )


def rect_of(found: Any) -> Rect:
    """Return Qt's rectangle as one of the kit."""
    return Rect(found.x(), found.y(), found.width(), found.height())


def selection_extent(selection: Any, canvas: Rect) -> Rect | None:
    """Return the extent of a selection on the canvas; None where nothing is selected."""
    place = (selection.x(), selection.y(), selection.width(), selection.height())
    found = Rect(*place).clipped(canvas)
    return None if found.empty else found


def find_layer(node: Any, layer_id: str) -> Any:
    """Return the layer of an id below a node; None where there is none."""
    for each in node.childNodes():
        found = each if each.uniqueId().toString() == layer_id else find_layer(each, layer_id)
        if found is not None:
            return found
    return None


def _pieces(read: Any, area: Rect, pixel_bytes: int) -> bytes:
    """Read some rows at a time, so that the user interface gets its turns."""
    rows = max(1, _PIECE // (area.width * pixel_bytes))
    found = bytearray()
    for y in range(area.y, area.bottom, rows):
        height = min(rows, area.bottom - y)
        found += bytes(read(area.x, y, area.width, height))
        time.sleep(0)
    return bytes(found)


def _brightness(picture: Picture) -> bytes:
    """Luma of 8-bit samples, times alpha (Rec. 709, on the samples as they are)."""
    if picture.sample_type != "UINT8":
        fix = "choose a layer with 8 bits, or select the place instead"
        raise ValueError(f"A mask must have 8 bits. Fix: {fix}.")
    data, red, blue = picture.data, 0, 2
    if picture.channel_order == "BGRA":
        red, blue = 2, 0
    channels = zip(data[red::4], data[1::4], data[blue::4], data[3::4])
    return bytes((54 * r + 183 * g + 18 * b) * a // (255 * 255) for r, g, b, a in channels)
