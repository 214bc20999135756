"""A widget for every kind of field of the catalogue.

Each has ``widget`` (what is shown), ``value()`` (None = not given) and ``fill(value)``.
"""

from __future__ import annotations

from typing import Any, Protocol

import arguments
from gimp_api import Gimp
from gtk_api import Gtk
from picture_widget import MaskWidget, PictureWidget
from plugin_kit.panel_form import Field

_LARGEST = 2**31 - 1


class FieldWidget(Protocol):
    """What a field is filled in with."""

    widget: Gtk.Widget

    def value(self) -> Any:
        """Return what was chosen; None = not given."""

    def fill(self, value: Any) -> None:
        """Show a value; None = not given."""


def widget_of(field: Field, image: Gimp.Image) -> FieldWidget:
    """Return the widget for a field of an edit of a document."""
    if field.kind == "picture":
        return PictureWidget(field.several)
    if field.kind == "mask":
        return MaskWidget(image)
    if field.key in ("prompt", "negative"):
        return _Paragraph(field)
    if field.several or field.kind in ("text", "words"):
        return _Line(field)
    if field.kind in ("choice", "model"):
        return _Choice(field)
    if field.kind == "bool":
        return _Choice(field) if field.default is None else _Check(field)
    return _Number(field)


class _Paragraph:
    def __init__(self, field: Field) -> None:
        self._text = Gtk.TextView(wrap_mode=Gtk.WrapMode.WORD_CHAR, accepts_tab=False)
        self._text.set_size_request(-1, 58 if field.key == "prompt" else 34)
        for set_margin in (self._text.set_left_margin, self._text.set_top_margin):
            set_margin(4)
        self._text.get_accessible().set_name(field.label)
        self.widget = Gtk.Frame()
        self.widget.add(self._text)
        self.focus = self._text

    def value(self) -> Any:
        buffer = self._text.get_buffer()
        text = buffer.get_text(buffer.get_start_iter(), buffer.get_end_iter(), False).strip()
        return text or None

    def fill(self, value: Any) -> None:
        self._text.get_buffer().set_text(value or "")


class _Line:
    def __init__(self, field: Field) -> None:
        self.widget = Gtk.Entry(hexpand=True, activates_default=True)
        example = "red: 1.5, house: 0.5" if field.kind == "words" else ""
        self.widget.set_placeholder_text(example or ("parted by commas" if field.several else ""))

    def value(self) -> Any:
        return self.widget.get_text().strip() or None

    def fill(self, value: Any) -> None:
        self.widget.set_text(arguments.text_of(value))


class _Choice:
    def __init__(self, field: Field) -> None:
        self._bool = field.kind == "bool"
        words = ("yes", "no") if self._bool else field.choices
        self.widget = Gtk.ComboBoxText()
        if field.default is None or field.default not in words:
            self.widget.append("", "Automatic")
        for word in words:
            self.widget.append(word, word if field.kind == "model" else _title(word))
        self._default = str(field.default) if field.default in words else ""
        self.fill(None)

    def value(self) -> Any:
        chosen = self.widget.get_active_id()
        if not chosen:
            return None
        return chosen == "yes" if self._bool else chosen

    def fill(self, value: Any) -> None:
        if self._bool and value is not None:
            value = "yes" if value else "no"
        if not self.widget.set_active_id(str(value) if value is not None else self._default):
            self.widget.set_active_id(self._default)


class _Check:
    def __init__(self, field: Field) -> None:
        self._default = bool(field.default)
        self.widget = Gtk.CheckButton(active=self._default, halign=Gtk.Align.START)

    def value(self) -> Any:
        return self.widget.get_active()

    def fill(self, value: Any) -> None:
        self.widget.set_active(self._default if value is None else bool(value))


class _Number:
    """A slider where the range is small, else a spin button; with "auto" where None is a choice."""

    def __init__(self, field: Field) -> None:
        low = field.low if field.low is not None else -_LARGEST
        high = field.high if field.high is not None else _LARGEST
        self._whole = field.kind == "integer"
        self._start = field.default if field.default is not None else max(low, min(high, 0))
        step = field.step or 1
        self._range = Gtk.Adjustment.new(self._start, low, high, step, 10 * step, 0)
        digits = 0 if self._whole else (2 if step >= 0.01 else 3)
        number = Gtk.SpinButton(adjustment=self._range, digits=digits, width_chars=6)
        number.set_activates_default(True)
        self._number = Gtk.Box(spacing=6, hexpand=True)
        if high - low <= 100 and not self._whole:
            scale = Gtk.Scale(adjustment=self._range, draw_value=False, hexpand=True)
            self._number.pack_start(scale, True, True, 0)
        self._number.pack_start(number, False, False, 0)
        self.widget, self._auto = self._number, None
        if field.default is None:
            words = "Random" if field.key == "seed" else "Automatic"
            self._auto = Gtk.CheckButton(label=words, active=True)
            self._auto.connect("toggled", self._toggled)
            self.widget = Gtk.Box(spacing=6, hexpand=True)
            self.widget.pack_start(self._auto, False, False, 0)
            self.widget.pack_start(self._number, True, True, 0)
            self._toggled()

    def value(self) -> Any:
        if self._auto is not None and self._auto.get_active():
            return None
        found = self._range.get_value()
        return round(found) if self._whole else round(found, 6)

    def fill(self, value: Any) -> None:
        if self._auto is not None:
            self._auto.set_active(value is None)
        self._range.set_value(self._start if value is None else float(value))

    def _toggled(self, *_: Any) -> None:
        self._number.set_sensitive(not self._auto.get_active())


def _title(word: str) -> str:
    return word.replace("_", " ").capitalize()
