"""Reading a document: one snapshot, after which the person may paint on."""

from __future__ import annotations

from dataclasses import dataclass

from gimp_api import Gegl, Gimp
from plugin_kit import geometry, pixel_rows
from plugin_kit.edit_request import Picture, Snapshot, expansion_snapshot
from plugin_kit.geometry import Expansion, Rect
from sample_form import SampleForm, form_of

#: What an edit looks at: the picture as it is shown, or the selected layer alone.
VISIBLE, LAYER = "visible", "layer"


class Unsuitable(Exception):
    """The document cannot be edited so; ``str()`` is one sentence with what to do."""


@dataclass(frozen=True)
class Place:
    """Where the results of an edit go.

    Attributes:
        image: the document.
        above: the layer above which they go; None = on top of all.
        form: how their samples are written.
        expansion: how the canvas grows with them; None = not at all.
        shape: how opaque the results are at most, one byte per pixel of the part that was read;
            None = where the selection says, everywhere.
    """

    image: Gimp.Image
    above: Gimp.Layer | None
    form: SampleForm
    expansion: Expansion | None = None
    shape: bytes | None = None


@dataclass(frozen=True)
class Read:
    """A document as an edit needs it."""

    snapshot: Snapshot
    place: Place


def check(image: Gimp.Image | None) -> Gimp.Image:
    """Return the document. Raises Unsuitable where nothing can be added to it."""
    if image is None or not image.is_valid():
        raise Unsuitable("The picture was closed. Fix: open it again.")
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        fix = "choose Image > Mode > RGB first"
        raise Unsuitable(f"Pictures with indexed colours cannot be edited. Fix: {fix}.")
    if image.get_floating_sel() is not None:
        fix = "choose Layer > Anchor Layer first"
        raise Unsuitable(f"A floating selection is in the way. Fix: {fix}.")
    if not image.get_layers():
        raise Unsuitable("The picture has no layer. Fix: choose Layer > New Layer first.")
    return image


def canvas_of(image: Gimp.Image) -> Rect:
    """Return the document's bounds."""
    return Rect(0, 0, image.get_width(), image.get_height())


def selection_of(image: Gimp.Image) -> Rect | None:
    """Return the extent of the selection; None where nothing is selected."""
    _, something, left, top, right, bottom = Gimp.Selection.bounds(image)
    return Rect(left, top, right - left, bottom - top) if something else None


def read(image: Gimp.Image, layer: Gimp.Layer | None, source: str, shortest_side: int) -> Read:
    """Return the selection with its surroundings, or the whole picture.

    Args:
        image: the document.
        layer: the selected one; None = the topmost.
        source: ``VISIBLE`` or ``LAYER``.
        shortest_side: of the part that is read, in pixels: the model's own size.

    Raises:
        Unsuitable.
    """
    layer = layer or check(image).get_layers()[0]
    form, canvas = form_of(check(image), layer), canvas_of(image)
    selection = selection_of(image)
    if source == LAYER:
        canvas = _bounds_of(layer)
        if selection is not None and selection.clipped(canvas).empty:
            fix = "select a part of it, or edit what is seen"
            raise Unsuitable(f"The selection does not touch the layer. Fix: {fix}.")
    crop = geometry.region(selection, canvas, shortest_side=shortest_side)
    picture = _pixels(image, layer, source, crop, form)
    mask = None
    if selection is not None:
        mask = _bytes_of(image.get_selection().get_buffer(), crop, "Y u8")
    snapshot = Snapshot(crop, picture, mask, None, document_id(image))
    return Read(snapshot, Place(image, layer if source == LAYER else None, form))


def shape_of(snapshot: Snapshot) -> bytes | None:
    """Return how opaque the part that was read is, one byte per pixel; None = all of it is."""
    picture = snapshot.picture
    if picture.channel_order != "RGBA":
        return None
    alpha = pixel_rows.alpha_bytes(picture.data, picture.sample_type)
    return None if alpha.count(255) == len(alpha) else alpha


def read_expanded(
    image: Gimp.Image, sides: tuple[int, int, int, int], overlap: int, shortest_side: int
) -> Read:
    """Return what is needed to expand the canvas.

    Args:
        image: the document.
        sides: pixels to add at the left, top, right and bottom.
        overlap: pixels of the old canvas along its expanded edges that may change.
        shortest_side: as of :func:`read`.

    Raises:
        Unsuitable.
    """
    layer, canvas = check(image).get_layers()[0], canvas_of(image)
    form = form_of(image, layer)
    try:
        plan = geometry.expansion(canvas, *sides, overlap=overlap, shortest_side=shortest_side)
    except ValueError as problem:
        raise Unsuitable(str(problem)) from problem
    found = _pixels(image, layer, VISIBLE, plan.read, form)
    snapshot = expansion_snapshot(plan, found, document_id(image))
    return Read(snapshot, Place(image, None, form, plan))


def mask_of(drawable: Gimp.Drawable, crop: Rect) -> bytes:
    """Return a channel, or how bright a layer is, as a mask of the part that was read."""
    _, left, top = drawable.get_offsets()
    return _bytes_of(drawable.get_buffer(), crop.shifted(-left, -top), "Y' u8")


def picture_of(layer: Gimp.Drawable) -> Picture:
    """Return a whole layer, of any open document: a reference or a control picture."""
    form = form_of(layer.get_image(), layer)
    whole = Rect(0, 0, layer.get_width(), layer.get_height())
    return _picture(layer, whole, form, "RGBA" if layer.has_alpha() else "RGB")


def document_id(image: Gimp.Image) -> str:
    """Return the daemon's name for the document."""
    return f"gimp-{image.get_id()}"


def _pixels(
    image: Gimp.Image, layer: Gimp.Layer, source: str, area: Rect, form: SampleForm
) -> Picture:
    alone = layer if source == LAYER else _alone(image)
    if alone is not None:
        whole = _bounds_of(alone)
        without = not alone.has_alpha() and whole.contains(area)
        there = geometry.relative(area, whole)
        return _picture(alone, there, form, "RGB" if without else "RGBA")
    shown = Gimp.Layer.new_from_visible(image, image, "shown")  # never part of the document
    try:
        return _picture(shown, area, form, "RGBA")
    finally:
        shown.delete()


def _bounds_of(layer: Gimp.Layer) -> Rect:
    _, left, top = layer.get_offsets()
    return Rect(left, top, layer.get_width(), layer.get_height())


def _alone(image: Gimp.Image) -> Gimp.Layer | None:
    """The only layer that is seen, if it is seen as it is: its own samples are exact."""
    seen = [layer for layer in image.get_layers() if layer.get_visible()]
    if len(seen) != 1 or seen[0].is_group() or seen[0].get_mask() or seen[0].get_filters():
        return None
    plain = (Gimp.LayerMode.NORMAL, Gimp.LayerMode.NORMAL_LEGACY)
    exact = seen[0].get_opacity() == 100 and seen[0].get_mode() in plain
    return seen[0] if exact else None


def _picture(drawable: Gimp.Drawable, area: Rect, form: SampleForm, order: str) -> Picture:
    pixels = _bytes_of(drawable.get_buffer(), area, form.babl_name(order))
    return Picture(pixels, area.width, area.height, order, form.sample_type, form.profile)


def _bytes_of(buffer: Gegl.Buffer, area: Rect, babl_name: str) -> bytes:
    where = Gegl.Rectangle.new(*area)
    return bytes(buffer.get(where, 1.0, babl_name, Gegl.AbyssPolicy.NONE))
