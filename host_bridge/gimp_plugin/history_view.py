"""The document's edits in the dialog: each can be done again, or its choices taken over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import document_history
from gimp_api import Gimp
from gtk_api import Gtk

#: Told an entry of the history, and whether it is to be done at once.
Chosen = Callable[[dict[str, Any], bool], None]


class HistoryView:
    """Lists the edits of a document, the newest first.

    Args:
        image: the document.
        chosen: told which one a person picks.
    """

    def __init__(self, image: Gimp.Image, chosen: Chosen) -> None:
        self._image, self._chosen = image, chosen
        self._list = Gtk.ListBox(selection_mode=Gtk.SelectionMode.NONE)
        rows = Gtk.ScrolledWindow(min_content_height=110, hscrollbar_policy=Gtk.PolicyType.NEVER)
        rows.add(self._list)
        self.widget = Gtk.Expander(label="_History", use_underline=True)
        self.widget.add(rows)
        self.refresh()

    def refresh(self) -> None:
        """Read the history again."""
        for row in self._list.get_children():
            self._list.remove(row)
        entries = document_history.entries_of(self._image) if self._image.is_valid() else []
        for entry in entries:
            self._list.add(self._row(entry))
        if not entries:
            text = "Edits of this picture will be listed here, and are kept in its XCF file."
            self._list.add(Gtk.Label(label=text, wrap=True, margin=8))
        self._list.show_all()

    def _row(self, entry: dict[str, Any]) -> Gtk.Box:
        words = f"{entry.get('title', '')}  ·  {entry.get('when', '')}"
        row = Gtk.Box(spacing=6, margin=4)
        label = Gtk.Label(label=words, xalign=0.0, hexpand=True, ellipsize=3)
        label.set_tooltip_text(f"{words}  ·  seed {entry.get('seed', '')}")
        row.pack_start(label, True, True, 0)
        for text, at_once in (("_Use", False), ("_Replay", True)):
            button = Gtk.Button(label=text, use_underline=True)
            button.connect("clicked", lambda _, now=at_once: self._chosen(entry, now))
            row.pack_start(button, False, False, 0)
        return row
