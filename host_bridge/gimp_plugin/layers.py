"""Putting results into a document: new layers with soft masks, one undo step, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import document_history
from document import Place, check
from gimp_api import Gegl, Gimp
from plugin_kit import pixel_rows
from plugin_kit.edit_task import EditResult
from plugin_kit.geometry import Rect, relative

#: Of a layer: where it comes from (JSON: receipt, seed, effective parameters).
PROVENANCE = "retouch-provenance"
#: Kept in the file, and taken back by undo like all else.
PARASITE_FLAGS = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE


def insert(
    place: Place,
    crop: Rect,
    results: Sequence[EditResult],
    title: str,
    entries: Sequence[dict[str, Any]] = (),
) -> list[Gimp.Layer]:
    """Add results as layers, as one undo step; return the layers.

    Several results become a group of which the first is seen.

    Args:
        place: where they go.
        crop: the part of the document that was read.
        results: at least one.
        title: of the layers.
        entries: of the document's history.

    Raises:
        Unsuitable: the document cannot take them.
    """
    image = check(place.image)
    selected = image.get_selected_layers()
    trimmed = [_trimmed(result, _mask(place, crop, result)) for result in results]
    several = len(trimmed) > 1
    names = [f"{title} · {index + 1}" if several else title for index in range(len(trimmed))]
    layers = [_layer(place, *each) for each in zip(trimmed, names, strict=True)]
    with _one_undo_step(image):
        if place.expansion is not None:
            canvas, (left, top) = place.expansion.canvas, place.expansion.offset
            image.resize(canvas.width, canvas.height, left, top)
        parent, position = _position(place)
        if len(layers) > 1:
            parent, position = _group(image, title, parent, position), 0
        for index, (layer, result) in enumerate(zip(layers, trimmed, strict=True)):
            layer.set_visible(index == 0)
            image.insert_layer(layer, parent, position + index)
            _add_mask(layer, result.mask)
        if selected:  # inserting selects the new one
            image.set_selected_layers(selected)
        document_history.add(image, entries)
    return layers


def provenance_of(layer: Gimp.Item) -> dict[str, Any] | None:
    """Return what a layer of ours says of itself; None where it is not ours."""
    found = layer.get_parasite(PROVENANCE)
    return json.loads(bytes(found.get_data())) if found is not None else None


@contextmanager
def _one_undo_step(image: Gimp.Image) -> Iterator[None]:
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()


def _layer(place: Place, result: EditResult, name: str) -> Gimp.Layer:
    """A layer that is not in the document yet, so nothing of it is an undo step of its own."""
    image, bounds, form = place.image, result.bounds, place.form
    gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = Gimp.ImageType.GRAYA_IMAGE if gray else Gimp.ImageType.RGBA_IMAGE
    # The daemon blends encoded samples; only the legacy mode does so, at every precision.
    mode = Gimp.LayerMode.NORMAL_LEGACY
    layer = Gimp.Layer.new(image, name, bounds.width, bounds.height, kind, 100.0, mode)
    left, top = place.expansion.offset if place.expansion is not None else (0, 0)
    layer.set_offsets(bounds.x + left, bounds.y + top)
    pixels = pixel_rows.opaque(result.picture.data, result.picture.sample_type)
    _write(layer, form.babl_name("RGBA", result.picture.sample_type), pixels)
    layer.attach_parasite(Gimp.Parasite.new(PROVENANCE, PARASITE_FLAGS, _said(result)))
    return layer


def _mask(place: Place, crop: Rect, result: EditResult) -> bytes:
    """How much of a result is seen: as far as it was selected, and no more than was there."""
    if place.shape is None:
        return result.mask
    there = relative(result.bounds, crop)
    shape = pixel_rows.cut(place.shape, (crop.width, crop.height), there, 1)
    return bytes((m * s + 127) // 255 for m, s in zip(result.mask, shape, strict=True))


def _trimmed(result: EditResult, mask: bytes) -> EditResult:
    """A result without the margin of which nothing is seen, with its mask."""
    bounds, nothing = result.bounds, b"\0"
    rows = [mask[y * bounds.width : (y + 1) * bounds.width] for y in range(bounds.height)]
    seen = [y for y, row in enumerate(rows) if row.strip(nothing)]
    if not seen:
        return result._replace(mask=mask)
    left = min(bounds.width - len(rows[y].lstrip(nothing)) for y in seen)
    right = max(len(rows[y].rstrip(nothing)) for y in seen)
    part = Rect(left, seen[0], right - left, seen[-1] + 1 - seen[0])
    picture, size = result.picture, (bounds.width, bounds.height)
    pixels = pixel_rows.cut(picture.data, size, part, picture.pixel_bytes)
    smaller = replace(picture, data=pixels, width=part.width, height=part.height)
    where = part.shifted(bounds.x, bounds.y)
    return result._replace(picture=smaller, mask=pixel_rows.cut(mask, size, part, 1), bounds=where)


def _add_mask(layer: Gimp.Layer, mask: bytes) -> None:
    drawable = layer.create_mask(Gimp.AddMaskType.WHITE)
    _write(drawable, "Y u8", mask)  # linear, as selections are
    layer.add_mask(drawable)
    layer.set_edit_mask(False)


def _write(drawable: Gimp.Drawable, babl_name: str, pixels: bytes) -> None:
    whole = Rect(0, 0, drawable.get_width(), drawable.get_height())
    buffer = drawable.get_buffer()
    buffer.set(Gegl.Rectangle.new(*whole), babl_name, pixels)
    buffer.flush()
    drawable.update(*whole)


def _position(place: Place) -> tuple[Gimp.Item | None, int]:
    """The group and the place in it for the first layer."""
    above = place.above
    if above is None or not above.is_valid():
        return None, 0
    return above.get_parent(), place.image.get_item_position(above)


def _group(
    image: Gimp.Image, title: str, parent: Gimp.Item | None, position: int
) -> Gimp.GroupLayer:
    group = Gimp.GroupLayer.new(image, title)
    group.set_mode(Gimp.LayerMode.PASS_THROUGH)
    image.insert_layer(group, parent, position)
    return group


def _said(result: EditResult) -> bytes:
    said = {
        "receipt_id": result.receipt_id,
        "receipt": result.receipt,
        "seed": str(result.seed),
        "effective": result.effective,
    }
    return json.dumps(said).encode()
