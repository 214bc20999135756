"""Previews and results as contents of a layer; called in worker threads."""

from __future__ import annotations

from .plugin_kit.edit_task import EditResult, Preview
from .plugin_kit.pictures import CHANNELS, Picture
from .plugin_kit.pixel_rows import alpha_bytes, opaque, scaled, to_8bit, to_half
from .qt import QtCore, QtGui
from .result_layer import Content
from .sample_form import SampleForm


def content_of_result(result: EditResult, form: SampleForm, with_mask: bool) -> Content:
    """Return a result as it is written into the document.

    Args:
        result: from the daemon.
        form: of the document's samples.
        with_mask: whether the soft mask becomes a transparency mask, and the pixels opaque.
    """
    picture = result.picture
    pixels = picture.data
    if with_mask:
        pixels = opaque(pixels, picture.sample_type)
    if form.sample_type == "FLOAT16" and picture.sample_type == "FLOAT32":
        pixels = to_half(pixels)
    return Content(pixels, result.bounds, result.mask if with_mask else None)


def content_of_preview(preview: Preview, form: SampleForm, with_mask: bool) -> Content:
    """Return a preview at the size of its place, in the document's form.

    Args:
        preview: from the daemon.
        form: of the document's samples.
        with_mask: as of :func:`content_of_result`; both must be the same for one layer.
    """
    pixels = _enlarged(preview, form)
    if not with_mask:
        return Content(pixels, preview.bounds)
    mask = alpha_bytes(pixels, form.sample_type)
    return Content(opaque(pixels, form.sample_type), preview.bounds, mask)


def _enlarged(preview: Preview, form: SampleForm) -> bytes:
    bounds = preview.bounds
    picture, size = preview.picture, (bounds.width, bounds.height)
    if form.sample_type == picture.sample_type == "UINT8":
        image = image_of(picture).scaled(
            *size,
            QtCore.Qt.AspectRatioMode.IgnoreAspectRatio,
            QtCore.Qt.TransformationMode.SmoothTransformation,
        )
        return _rows(image)
    small = (picture.width, picture.height)
    pixels = scaled(picture.data, small, size, picture.pixel_bytes)
    if form.sample_type == "FLOAT16" and picture.sample_type == "FLOAT32":
        pixels = to_half(pixels)
    return pixels


def image_of(picture: Picture, longest_side: int = 0) -> QtGui.QImage:
    """Return a picture with four channels as Qt's, with 8 bits, for the docker.

    Args:
        picture: rows of samples, or a file.
        longest_side: to which it is scaled down; 0 = as it is. Colour profiles are not applied.
    """
    if picture.is_file:
        image = QtGui.QImage.fromData(picture.data)
    else:
        small = _thinned(picture, longest_side)
        data = to_8bit(small.data, small.sample_type)
        if small.channel_order == "BGRA":
            kind = QtGui.QImage.Format.Format_ARGB32  # blue comes first in memory
        else:
            kind = QtGui.QImage.Format.Format_RGBA8888
        row = small.width * CHANNELS[small.channel_order]
        image = QtGui.QImage(data, small.width, small.height, row, kind).copy()
    if longest_side and max(image.width(), image.height()) > longest_side:
        image = image.scaled(
            *(longest_side, longest_side),
            QtCore.Qt.AspectRatioMode.KeepAspectRatio,
            QtCore.Qt.TransformationMode.SmoothTransformation,
        )
    return image


def _thinned(picture: Picture, longest_side: int) -> Picture:
    """A large picture at twice the wanted size, by leaving pixels out: quick at any depth."""
    longest = max(picture.width, picture.height)
    if not longest_side or longest <= 2 * longest_side:
        return picture
    share = 2 * longest_side / longest
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    small = (picture.width, picture.height)
    data = scaled(picture.data, small, size, picture.pixel_bytes)
    return Picture(data, *size, picture.channel_order, picture.sample_type)


def _rows(image: QtGui.QImage) -> bytes:
    """Packed rows of an image with 32 bits per pixel, whose rows have no gaps."""
    found = image.constBits()
    found.setsize(image.width() * image.height() * 4)
    return bytes(found)
