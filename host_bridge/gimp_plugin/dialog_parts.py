"""Small parts of the dialog: messages, progress, what to do and to what."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gimp_api import Gimp
from gtk_api import Gtk
from plugin_kit.panel_form import Mode


class Message:
    """One sentence at the top of the dialog, hidden until there is one."""

    def __init__(self) -> None:
        self._label = Gtk.Label(wrap=True, xalign=0.0, max_width_chars=90, selectable=True)
        self.widget = Gtk.InfoBar(message_type=Gtk.MessageType.WARNING, show_close_button=True)
        self.widget.get_content_area().add(self._label)
        self._label.show()
        self.widget.set_no_show_all(True)
        self._button: Gtk.Button | None = None
        self._act: Callable[[], None] | None = None
        self.widget.connect("response", self._answered)

    def show(self, words: str, button: str = "", act: Callable[[], None] | None = None) -> None:
        """Say something.

        Args:
            words: one sentence with what to do.
            button: what can be done at once; empty = nothing.
            act: does it.
        """
        self._label.set_text(words)
        if self._button is not None:
            self._button.destroy()
            self._button = None
        if act is not None:
            self._button = self.widget.add_button(button, Gtk.ResponseType.APPLY)
        self._act = act
        self.widget.show()

    def hide(self) -> None:
        """Say nothing."""
        self.widget.hide()

    def _answered(self, _bar: Gtk.InfoBar, response: int) -> None:
        self.hide()
        if response == Gtk.ResponseType.APPLY and self._act is not None:
            self._act()


class Bar:
    """How far the edit is, or what came of it."""

    def __init__(self) -> None:
        self._bar = Gtk.ProgressBar(show_text=True, no_show_all=True)
        self._said = Gtk.Label(label="", xalign=0.0, ellipsize=3)
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        self.widget.pack_start(self._bar, False, False, 0)
        self.widget.pack_start(self._said, False, False, 0)

    def show(self, share: float | None, words: str) -> None:
        """Show progress: a share from 0 to 1; None = it is not known."""
        self._said.set_text("")
        self._bar.set_text(words)
        self._bar.show()
        if share is None:
            self._bar.pulse()
        else:
            self._bar.set_fraction(share)

    def hide(self) -> None:
        """Show no progress."""
        self._bar.set_fraction(0)
        self._bar.hide()

    def say(self, words: str) -> None:
        """Say what came of it."""
        self._said.set_text(words)


def mode_chooser(modes: Iterable[Mode], active: str, chosen: Callable[[str], None]) -> Gtk.Widget:
    """Return a chooser of modes that tells the name of the chosen one."""
    made = Gtk.ComboBoxText()
    for mode in modes:
        made.append(mode.name, mode.title)
    made.set_active_id(active)
    made.get_accessible().set_name("What to do")
    made.connect("changed", lambda box: chosen(box.get_active_id()))
    return made


def source_chooser() -> Gtk.CheckButton:
    """Return the choice between what is seen and the selected layer alone."""
    words = "Edit the selected _layer only, not what is seen"
    made = Gtk.CheckButton(label=words, use_underline=True)
    made.set_tooltip_text("The result goes above that layer; otherwise on top of all.")
    return made


def button_row(*buttons: tuple[str, Callable[[], None]]) -> Gtk.Box:
    """Return a row of buttons, hidden until it is shown.

    Args:
        buttons: words with their mnemonic, and what each does.
    """
    row = Gtk.Box(spacing=6, halign=Gtk.Align.CENTER, no_show_all=True)
    for words, act in buttons:
        button = Gtk.Button(label=words, use_underline=True, visible=True)
        button.connect("clicked", lambda _, act=act: act())
        row.pack_start(button, False, False, 0)
    return row


def picture_name(image: Gimp.Image) -> str:
    """Return what a document is called: its file's name, also of one that was imported."""
    file = image.get_file() or image.get_imported_file()
    return (file.get_basename() if file is not None else "") or image.get_name()
