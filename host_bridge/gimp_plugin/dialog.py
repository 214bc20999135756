"""The dialog: what to do on the left, what comes of it on the right, GIMP usable beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import catalogue_file
import document
import document_history
import edits
import running
from dialog_connection import Connection
from dialog_parts import Bar, Message, button_row, mode_chooser, picture_name, source_chooser
from document import Place
from edits import Chosen
from form_view import FormView
from gimp_api import Gimp, GLib
from gtk_api import GimpUi, Gtk
from history_view import HistoryView
from interrupted_edits import Interrupted, interrupted_of
from job_guard import JobGuard
from plugin_kit import panel_form
from plugin_kit.client import Retouch, RetouchError
from plugin_kit.edit_request import Prepared
from plugin_kit.edit_task import EditResult, EditTask
from plugin_kit.geometry import Rect
from procedures import Offered
from result_view import ResultView

#: Seconds for which a closed dialog waits until the daemon knows that its job is cancelled.
_FAREWELL = 10.0


def run_dialog(wanted: Offered, image: Gimp.Image) -> None:
    """Show the dialog until it is closed.

    Args:
        wanted: the procedure that was called: it says which mode is shown first.
        image: the document.
    """
    GimpUi.init("retouch")
    EditDialog(wanted.mode or "combine", image).run()


class EditDialog:
    """Everything that is on screen, and the one edit that may be at work.

    Args:
        mode: name of the mode that is shown first.
        image: the document.
    """

    def __init__(self, mode: str, image: Gimp.Image) -> None:
        self._image, self._mode_name = image, mode
        self._catalog = catalogue_file.kept()
        self._retouch: Retouch | None = None
        self._task: EditTask | None = None
        self._guard: JobGuard | None = None
        self._prepared: Prepared | None = None
        self._place: Place | None = None
        self._crop = Rect(0, 0, 0, 0)
        self._asked: Chosen | None = None
        self._window = GimpUi.Dialog(title=f"Retouch: {picture_name(image)}", role="retouch")
        self._window.set_default_size(860, 620)
        self._build()
        self._connection = Connection(self._connected, self._message)
        self._connection.look()

    def run(self) -> None:
        """Return when the dialog is closed; an edit at work is cancelled then."""
        self._window.show_all()
        Gtk.main()
        if self._task is not None:
            self._task.cancel()
            self._task.wait(_FAREWELL)

    def _build(self) -> None:
        self._message, self._bar = Message(), Bar()
        self._modes = mode_chooser(panel_form.modes(self._catalog), self._mode_name, self._switch)
        self._help = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=44)
        self._help.get_style_context().add_class("dim-label")
        self._source = source_chooser()
        self._form_place = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        self._history = HistoryView(self._image, self._take_over)
        self._view = ResultView()
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8, margin_end=14)
        for each in (self._modes, self._help, self._form_place, self._source, self._history.widget):
            left.pack_start(each, False, False, 0)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
        scrolled.set_size_request(410, 420)
        scrolled.add(left)
        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8)
        right.pack_start(self._view.widget, True, True, 0)
        self._keep_row = button_row(
            ("_Keep this one", lambda: self._keep([self._view.chosen])),
            ("Keep _all", lambda: self._keep(self._view.results)),
            ("_Drop", self._drop),
        )
        right.pack_start(self._keep_row, False, False, 0)
        both = Gtk.Box(spacing=14)
        both.pack_start(scrolled, True, True, 0)
        both.pack_start(right, False, False, 0)
        whole = self._window.get_content_area()
        whole.set_spacing(8)
        whole.set_border_width(12)
        for each, grows in ((self._message.widget, False), (both, True), (self._bar.widget, False)):
            whole.pack_start(each, grows, grows, 0)
        self._add_buttons()
        self._switch(self._mode_name)

    def _add_buttons(self) -> None:
        add = self._window.add_button
        add("_Close", Gtk.ResponseType.CLOSE)
        self._cancel = add("Ca_ncel", Gtk.ResponseType.CANCEL)
        self._cancel.set_sensitive(False)
        self._go = add("_Generate", Gtk.ResponseType.OK)
        self._go.get_style_context().add_class("suggested-action")
        self._window.set_default_response(Gtk.ResponseType.OK)
        self._window.connect("response", self._answered)

    def _answered(self, _window: Any, response: int) -> None:
        if response == Gtk.ResponseType.OK:
            self._generate()
        elif response == Gtk.ResponseType.CANCEL:
            if self._task is not None:
                self._task.cancel()
        else:
            self._close()

    def _switch(self, name: str, values: dict[str, Any] | None = None) -> None:
        """Show another mode; what was typed goes along."""
        values = values if values is not None else self._typed()
        self._mode_name = name
        self._mode = next(m for m in panel_form.modes(self._catalog) if m.name == name)
        self._form = FormView(self._mode, self._image)
        self._form.fill({key: value for key, value in values.items() if value is not None})
        for each in self._form_place.get_children():
            self._form_place.remove(each)
        self._form_place.pack_start(self._form.widget, False, False, 0)
        self._form_place.show_all()
        self._form.focus()
        missing = self._mode.missing if self._retouch is not None else ""
        self._help.set_text(missing or self._mode.help)
        self._source.set_visible(name != "expand")

    def _typed(self) -> dict[str, Any]:
        form = getattr(self, "_form", None)
        return form.texts() if form is not None else {}

    def _connected(self, retouch: Retouch, catalog: dict[str, Any]) -> None:
        self._retouch, self._catalog = retouch, catalog
        self._message.hide()
        catalogue_file.keep(catalog)
        self._switch(self._mode_name)
        kept = interrupted_of(self._image)
        if kept and self._task is None:
            words = f"“{edits.title_of(kept[0].chosen)}” was under way when GIMP ended."
            self._message.show(words, "_Fetch it", lambda: self._resume(kept[0]))

    def _generate(self) -> None:
        source = document.LAYER if self._source.get_active() else document.VISIBLE
        self._begin(
            lambda: edits.chosen_of(
                self._mode,
                self._form.values(),
                self._image,
                source,
                self._form.operations() or (),
            )
        )

    def _begin(self, choose: Callable[[], Chosen]) -> None:
        if self._task is not None:
            return
        if self._retouch is None:
            self._connection.say_again()
            return
        try:
            asked = choose()
            layer = next(iter(self._image.get_selected_layers()), None)
            read, choices = edits.read(asked, self._catalog, self._image, layer)
            prepared = running.begun(read, asked, choices)
        except (RetouchError, document.Unsuitable, ValueError) as problem:
            self._message.show(panel_form.sentence(problem))
            return
        self._view.begin(read.snapshot.crop, read.place.form, read.snapshot.picture)
        self._work(prepared, read.place, read.snapshot.crop, asked)

    def _resume(self, kept: Interrupted) -> None:
        """Fetch what was under way when GIMP ended."""
        try:
            place = edits.place_again(self._image, kept.chosen)
        except (document.Unsuitable, ValueError) as problem:
            self._message.show(panel_form.sentence(problem))
            return
        self._view.begin(kept.crop, place.form)
        self._work(kept.prepared, place, kept.crop, kept.chosen)

    def _work(self, prepared: Prepared, place: Place, crop: Rect, asked: Chosen) -> None:
        self._prepared, self._place, self._crop, self._asked = prepared, place, crop, asked
        self._message.hide()
        self._keep_row.hide()
        self._guard = running.guard_of(prepared)
        self._task = running.task_of(self._retouch, prepared, crop, self._told)
        self._go.set_sensitive(False)
        self._cancel.set_sensitive(True)
        self._bar.show(None, "Preparing")
        self._task.start()

    def _told(self, kind: str, value: Any) -> None:
        """In the edit's own thread."""
        GLib.idle_add(self._happened, kind, value)

    def _happened(self, kind: str, value: Any) -> None:
        if kind == running.PROGRESS:
            self._bar.show(value.share, value.words)
        elif kind == running.PREVIEW:
            self._view.show_preview(value)
        elif kind == running.RESULT:
            self._view.add(value)
        elif kind == running.END:
            self._ended(value)

    def _ended(self, task: EditTask) -> None:
        self._task = None
        self._guard.over()
        running.forget(task, self._prepared)
        self._go.set_sensitive(True)
        self._cancel.set_sensitive(False)
        self._bar.hide()
        results = self._view.results
        if task.error is not None and task.state != "cancelled":
            self._message.show(panel_form.sentence(task.error))
        if task.state == "cancelled":
            self._view.clear()
            self._bar.say("Cancelled. Nothing was changed.")
        elif len(results) == 1:
            self._keep(results)
        elif results:
            self._keep_row.show()

    def _keep(self, results: list[EditResult | None]) -> None:
        kept = [each for each in results if each is not None]
        if not kept or self._place is None or self._asked is None:
            return
        try:
            added = edits.put(self._place, self._crop, self._asked, kept)
        except document.Unsuitable as problem:
            self._message.show(str(problem))
            return
        Gimp.displays_flush()
        self._keep_row.hide()
        self._history.refresh()
        if len(added) == 1:
            self._bar.say(f"Added as the layer “{added[0].get_name()}”. Undo takes it out again.")
        else:
            self._bar.say(f"Added as a group of {len(added)} layers. Undo takes it out again.")

    def _drop(self) -> None:
        self._view.clear()
        self._keep_row.hide()
        self._bar.say("Dropped. Nothing was changed.")

    def _take_over(self, entry: dict[str, Any], at_once: bool) -> None:
        try:
            chosen = Chosen(**document_history.chosen_of(entry))
        except ValueError as problem:
            self._message.show(str(problem))
            return
        if at_once:
            choices = replace(chosen.choices, preview_every=2)
            self._begin(lambda: replace(chosen, choices=choices))
            return
        values = panel_form.values_of(chosen.choices)
        for side, pixels in zip(
            ("left", "top", "right", "bottom"), chosen.sides or (), strict=False
        ):
            values[f"expand.{side}"] = pixels
        self._modes.set_active_id(chosen.mode)
        self._switch(chosen.mode, {})
        self._form.fill(values, [each.name for each in chosen.choices.operations])

    def _close(self) -> None:
        self._window.hide()
        Gtk.main_quit()
