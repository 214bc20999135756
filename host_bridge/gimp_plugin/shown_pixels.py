"""Pixels of a document as the dialog shows them: small, and in the screen's sRGB."""

from __future__ import annotations

from gimp_api import Gegl, GLib
from gtk_api import GdkPixbuf
from plugin_kit.edit_request import Picture
from plugin_kit.geometry import Rect, fitted, relative
from sample_form import SampleForm


def pixbuf_of(picture: Picture, form: SampleForm, longest_side: int) -> GdkPixbuf.Pixbuf:
    """Return rows of a document as 8-bit sRGB, made smaller where they are larger than wanted.

    Args:
        picture: rows.
        form: of the document.
        longest_side: in pixels.
    """
    size = (picture.width, picture.height)
    name = form.babl_name(picture.channel_order, picture.sample_type)
    buffer = Gegl.Buffer.new(name, 0, 0, *size)
    buffer.set(Gegl.Rectangle.new(0, 0, *size), name, picture.data)
    width, height = fitted(size, longest_side)
    where = Gegl.Rectangle.new(0, 0, width, height)
    scale = width / size[0]
    pixels = buffer.get(where, scale, "R'G'B'A u8", Gegl.AbyssPolicy.CLAMP)
    kept = GLib.Bytes.new(bytes(pixels))
    colours = GdkPixbuf.Colorspace.RGB
    return GdkPixbuf.Pixbuf.new_from_bytes(kept, colours, True, 8, width, height, 4 * width)


def laid_over(
    below: GdkPixbuf.Pixbuf, above: GdkPixbuf.Pixbuf, bounds: Rect, crop: Rect
) -> GdkPixbuf.Pixbuf:
    """Return a part of the document with a patch on it.

    Args:
        below: the part.
        above: the patch, of any size.
        bounds: of the patch, in document pixels.
        crop: of the part, in document pixels.
    """
    found = below.copy()
    scale_x, scale_y = below.get_width() / crop.width, below.get_height() / crop.height
    there = relative(bounds, crop)
    left, top = round(there.x * scale_x), round(there.y * scale_y)
    right = min(found.get_width(), round(there.right * scale_x))
    bottom = min(found.get_height(), round(there.bottom * scale_y))
    if right <= left or bottom <= top:
        return found
    scales = ((right - left) / above.get_width(), (bottom - top) / above.get_height())
    smooth = GdkPixbuf.InterpType.BILINEAR
    area = (left, top, right - left, bottom - top)
    above.composite(found, *area, left, top, *scales, smooth, 255)
    return found
