"""The picture in the dialog: what is edited, looks on the way, and variants to flip through."""

from __future__ import annotations

from typing import Any

from gtk_api import GdkPixbuf, Gtk
from plugin_kit.edit_request import Picture
from plugin_kit.edit_task import EditResult, Preview
from plugin_kit.geometry import Rect
from sample_form import SampleForm
from shown_pixels import laid_over, pixbuf_of

#: Longest side of the picture in the dialog.
SIDE = 340


class ResultView:
    """Shows one edit."""

    def __init__(self) -> None:
        self._crop, self._form = Rect(0, 0, 0, 0), None
        self._below: GdkPixbuf.Pixbuf | None = None
        self._looks: list[GdkPixbuf.Pixbuf] = []
        self._results: list[EditResult] = []
        self._index = 0
        self._picture = Gtk.Image(valign=Gtk.Align.CENTER, halign=Gtk.Align.CENTER)
        frame = Gtk.Frame()
        frame.set_size_request(SIDE + 16, SIDE + 16)
        frame.get_style_context().add_class("view")
        frame.add(self._picture)
        self._place = Gtk.Label(label="")
        self._before = Gtk.ToggleButton(label="_Before", use_underline=True)
        self._before.connect("toggled", lambda *_: self._draw())
        self._flips = [self._flip_button("go-previous", "Previous variant", -1)]
        self._flips.append(self._flip_button("go-next", "Next variant", 1))
        row = Gtk.Box(spacing=6, halign=Gtk.Align.CENTER)
        for each in (self._flips[0], self._place, self._flips[1], self._before):
            row.pack_start(each, False, False, 0)
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8)
        self.widget.pack_start(frame, True, True, 0)
        self.widget.pack_start(row, False, False, 0)
        self.clear()

    @property
    def results(self) -> list[EditResult]:
        """The variants that have come, in order."""
        return list(self._results)

    @property
    def chosen(self) -> EditResult | None:
        """The variant that is shown; None = there is none yet."""
        return self._results[self._index] if self._results else None

    def clear(self) -> None:
        """Show nothing."""
        self._below, self._looks, self._results = None, [], []
        self._index = 0
        icon = Gtk.IconSize.DIALOG
        self._picture.set_from_icon_name("image-x-generic", icon)
        self._draw()

    def begin(self, crop: Rect, form: SampleForm, picture: Picture | None = None) -> None:
        """Show what an edit begins with.

        Args:
            crop: the part of the document that was read.
            form: of the document.
            picture: its pixels; None = they are not known any more.
        """
        self.clear()
        self._crop, self._form = crop, form
        if picture is None:
            colours = GdkPixbuf.Colorspace.RGB
            empty = GdkPixbuf.Pixbuf.new(colours, True, 8, crop.width, crop.height)
            empty.fill(0)
            self._below = _at_size(empty)
        else:
            self._below = _at_size(pixbuf_of(picture, form, SIDE))
        self._draw()

    def show_preview(self, preview: Preview) -> None:
        """Show a look at the first variant on its way."""
        if not self._results and preview.variant == 0:
            self._picture.set_from_pixbuf(self._look(preview))
            self._place.set_text("Preview")

    def add(self, result: EditResult) -> None:
        """Show a finished variant."""
        at = sum(each.variant < result.variant for each in self._results)
        self._results.insert(at, result)
        self._looks.insert(at, self._look(result))
        self._draw()

    def _look(self, found: Preview | EditResult) -> GdkPixbuf.Pixbuf:
        above = pixbuf_of(found.picture, self._form, 2 * SIDE)
        return laid_over(self._below, above, found.bounds, self._crop)

    def _draw(self) -> None:
        several, any_ = len(self._results) > 1, bool(self._results)
        for button in self._flips:
            button.set_visible(several)
        self._before.set_sensitive(any_)
        count = len(self._results)
        self._place.set_text(f"Variant {self._index + 1} of {count}" if several else "")
        if any_ and not self._before.get_active():
            self._picture.set_from_pixbuf(self._looks[self._index])
        elif self._below is not None:
            self._picture.set_from_pixbuf(self._below)

    def _flip_button(self, icon: str, words: str, step: int) -> Gtk.Button:
        button = Gtk.Button.new_from_icon_name(icon, Gtk.IconSize.BUTTON)
        button.set_tooltip_text(words)
        button.get_accessible().set_name(words)
        button.set_no_show_all(True)
        button.connect("clicked", self._flip, step)
        return button

    def _flip(self, _button: Any, step: int) -> None:
        self._index = (self._index + step) % max(1, len(self._results))
        self._draw()


def _at_size(pixbuf: GdkPixbuf.Pixbuf) -> GdkPixbuf.Pixbuf:
    """Small pictures are shown larger."""
    width, height = pixbuf.get_width(), pixbuf.get_height()
    scale = SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return pixbuf.scale_simple(*size, GdkPixbuf.InterpType.BILINEAR)
