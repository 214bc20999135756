"""Choosing pictures and masks: layers and channels of open documents, or files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import document
from gimp_api import Gimp
from gtk_api import Gtk
from plugin_kit.edit_request import Picture

_FILE = "file"
_KINDS = ("png", "jpg", "jpeg", "webp", "tif", "tiff")


class PictureWidget:
    """Pictures of one field: a layer of any open document, or a file; several where it takes them.

    Args:
        several: whether it takes several.
    """

    def __init__(self, several: bool) -> None:
        self._several = several
        self._lines: list[_Line] = []
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=4, hexpand=True)
        self._add_line()

    def value(self) -> Any:
        """Return the chosen pictures (a list where it takes several); None = none."""
        found = [each for each in (line.picture() for line in self._lines) if each is not None]
        if not found:
            return None
        return found if self._several else found[0]

    def fill(self, value: Any) -> None:
        """Show references of an earlier edit; they are sent again as they were."""
        given = value if isinstance(value, (list, tuple)) else [value] if value else []
        for line in self._lines[1:]:
            self.widget.remove(line.widget)
        del self._lines[1:]
        self._lines[0].fill(None)
        for each in given:
            self._lines[-1].fill(each)

    def _add_line(self) -> None:
        line = _Line(self._changed)
        self._lines.append(line)
        self.widget.pack_start(line.widget, False, False, 0)
        line.widget.show_all()

    def _changed(self, line: _Line) -> None:
        if self._several and line is self._lines[-1] and line.chosen and len(self._lines) < 16:
            self._add_line()


class _Line:
    """One picture."""

    def __init__(self, changed: Any) -> None:
        self._path: str | None = None
        self._earlier: Any = None
        self._layers: dict[str, Gimp.Layer] = {}
        self.widget = Gtk.ComboBoxText(hexpand=True)
        self.widget.append("", "Choose a picture")
        for image in Gimp.get_images():
            for layer in image.get_layers():
                key = f"layer-{layer.get_id()}"
                self._layers[key] = layer
                self.widget.append(key, f"{layer.get_name()} – {image.get_name()}")
        self.widget.append(_FILE, "File…")
        self.widget.set_active_id("")
        self._tell = changed
        self.widget.connect("changed", self._changed)

    @property
    def chosen(self) -> bool:
        """Whether there is a picture."""
        return bool(self.widget.get_active_id())

    def picture(self) -> Any:
        """Return it; None = none chosen."""
        key = self.widget.get_active_id()
        if key in self._layers:
            return document.picture_of(self._layers[key])
        if key == "path" and self._path is not None:
            return Picture(Path(self._path).read_bytes())
        return self._earlier if key == "earlier" else None

    def fill(self, value: Any) -> None:
        """Show a picture of an earlier edit."""
        self._earlier = value
        if value is not None:
            self._replace("earlier", "As before")
        else:
            self.widget.set_active_id("")

    def _changed(self, *_: Any) -> None:
        if self.widget.get_active_id() == _FILE:
            self._ask()
        self._tell(self)

    def _ask(self) -> None:
        top = self.widget.get_toplevel()
        action = Gtk.FileChooserAction.OPEN
        asked = Gtk.FileChooserDialog(title="Choose a picture", transient_for=top, action=action)
        asked.add_buttons("_Cancel", Gtk.ResponseType.CANCEL, "_Open", Gtk.ResponseType.OK)
        wanted = Gtk.FileFilter()
        wanted.set_name("Pictures")
        for kind in _KINDS:
            wanted.add_pattern(f"*.{kind}")
            wanted.add_pattern(f"*.{kind.upper()}")
        asked.add_filter(wanted)
        answer, path = asked.run(), asked.get_filename()
        asked.destroy()
        if answer == Gtk.ResponseType.OK and path:
            self._path = path
            self._replace("path", Path(path).name)
        else:
            self.widget.set_active_id("")

    def _replace(self, key: str, words: str) -> None:
        model = self.widget.get_model()
        for index in range(len(model)):
            if model[index][1] == key:
                self.widget.remove(index)
                break
        self.widget.insert(1, key, words)
        self.widget.set_active_id(key)


class MaskWidget:
    """A mask: a channel or a layer of the document."""

    def __init__(self, image: Gimp.Image) -> None:
        self._drawables = {}
        self.widget = Gtk.ComboBoxText(hexpand=True)
        self.widget.append("", "Everywhere")
        for each in (*image.get_channels(), *image.get_layers()):
            self._drawables[str(each.get_id())] = each
            self.widget.append(str(each.get_id()), each.get_name())
        self.widget.set_active_id("")

    def value(self) -> Any:
        """Return the channel or layer; None = everywhere."""
        return self._drawables.get(self.widget.get_active_id())

    def fill(self, value: Any) -> None:
        """Masks of earlier edits are not kept: show none."""
        self.widget.set_active_id("")
