"""The form of a mode: a widget for each field, those that are seldom needed below "More"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from field_widgets import FieldWidget, widget_of
from gimp_api import Gimp
from gtk_api import Gtk
from plugin_kit.panel_form import Field, Mode

#: Operations that are written otherwise than their names in the catalogue.
_TITLES = {
    "sdedit": "SDEdit",
    "instruct_pix2pix": "InstructPix2Pix",
    "prompt_to_prompt": "Prompt-to-Prompt",
    "ip_adapter": "IP-Adapter",
    "t2i_adapter": "T2I-Adapter",
}


class FormView:
    """Everything that can be chosen in one mode.

    Args:
        mode: of the panel.
        image: the document.
    """

    def __init__(self, mode: Mode, image: Gimp.Image) -> None:
        self._mode = mode
        self._image = image
        self._widgets: dict[str, FieldWidget] = {}
        self._chosen: dict[str, Gtk.CheckButton] = {}
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8)
        if mode.name == "combine":
            self._draw_combined()
        else:
            self._draw(self.widget, mode.fields)

    def values(self) -> dict[str, Any]:
        """Return what was chosen, by field key."""
        return {key: widget.value() for key, widget in self._widgets.items()}

    def texts(self) -> dict[str, Any]:
        """Return what was chosen for the edit itself, whatever the mode is."""
        own = ("prompt", "negative", "variants", "seed", "steps", "model")
        return {key: self._widgets[key].value() for key in own if key in self._widgets}

    def operations(self) -> list[str] | None:
        """Return the operations that were chosen; None where the mode knows them."""
        if self._mode.name != "combine":
            return None
        return [name for name, check in self._chosen.items() if check.get_active()]

    def fill(self, values: dict[str, Any], operations: Iterable[str] = ()) -> None:
        """Show the values of an earlier edit; what they lack stays as it is."""
        wanted = set(operations)
        for name, check in self._chosen.items():
            check.set_active(name in wanted)
        for key, value in values.items():
            if key in self._widgets:
                self._widgets[key].fill(value)

    def focus(self) -> None:
        """Go to the prompt."""
        prompt = self._widgets.get("prompt")
        if prompt is not None:
            getattr(prompt, "focus", prompt.widget).grab_focus()

    def _draw(self, box: Gtk.Box, fields: Iterable[Field]) -> None:
        fields = list(fields)
        simple = [field for field in fields if field.simple] or fields
        box.pack_start(self._grid(simple), False, False, 0)
        rest = [field for field in fields if field not in simple]
        if rest:
            more = Gtk.Expander(label="_More", use_underline=True)
            more.add(self._grid(rest))
            box.pack_start(more, False, False, 0)

    def _draw_combined(self) -> None:
        fields = [field for field in self._mode.fields if not field.operation]
        self._draw(self.widget, fields)
        for name in self._mode.operations:
            own = [field for field in self._mode.fields if field.operation == name]
            check = Gtk.CheckButton(label=_TITLES.get(name) or name.replace("_", " ").capitalize())
            self.widget.pack_start(check, False, False, 0)
            self._chosen[name] = check
            if own:
                inner = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8, margin_start=22)
                self._draw(inner, own)
                shown = Gtk.Revealer()
                shown.add(inner)
                check.connect("toggled", _reveal, shown)
                self.widget.pack_start(shown, False, False, 0)

    def _grid(self, fields: Iterable[Field]) -> Gtk.Grid:
        grid = Gtk.Grid(column_spacing=10, row_spacing=6, margin_top=2)
        for row, field in enumerate(fields):
            if field.operation in self._mode.optional:  # it only runs where something is given
                field = field._replace(default=None)
            made = widget_of(field, self._image)
            self._widgets[field.key] = made
            unit = f" ({field.unit})" if field.unit else ""
            label = Gtk.Label(label=f"{field.label}{unit}", xalign=0.0, valign=Gtk.Align.START)
            label.set_margin_top(5)
            label.set_mnemonic_widget(getattr(made, "focus", made.widget))
            made.widget.set_hexpand(True)
            for each in (label, made.widget):
                each.set_tooltip_text(field.help or field.label)
            grid.attach(label, 0, row, 1, 1)
            grid.attach(made.widget, 1, row, 1, 1)
        return grid


def _reveal(check: Gtk.CheckButton, shown: Gtk.Revealer) -> None:
    shown.set_reveal_child(check.get_active())
