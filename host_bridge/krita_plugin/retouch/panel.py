"""What the docker shows: choose a mode, fill in its form, generate, keep; and the history."""

from __future__ import annotations

import os
from typing import Any

from . import recipe_files
from .color_profiles import ColorProfiles
from .daemon_connection import DaemonConnection, start_command, start_daemon
from .document import Document, Layer, Unsuitable
from .edit import Order
from .form import Form
from .history import remembered
from .history_view import HistoryView
from .interrupted import EditsAtWork
from .outcome_view import OutcomeView
from .plugin_kit import geometry, panel_form
from .plugin_kit.panel_form import Mode
from .qt import QtWidgets
from .session import Session

_TITLE_LENGTH = 40
_SIDES = ("left", "top", "right", "bottom")


class Panel(QtWidgets.QWidget):
    """The panel. It shows the session of the document that is active."""

    def __init__(self) -> None:
        super().__init__()
        self._profiles = ColorProfiles()
        self._modes: list[Mode] = []
        self._catalog: dict[str, Any] = {}
        self._forms: dict[str, Form] = {}
        self._sessions: list[Session] = []
        self._at_work = EditsAtWork()
        self._words = "Looking for Retouch ..."
        self._build()
        self.daemon = DaemonConnection(self)
        self.daemon.found.connect(self._found)
        self.daemon.missing.connect(self._missing)
        self.daemon.start()
        self.refresh()

    def refresh(self) -> None:
        """Show what belongs to the active document."""
        document, there = self._document(), self.daemon.retouch is not None
        self._fetch.setVisible(there and self._interrupted() is not None)
        self._start.setVisible(not there and bool(start_command()))
        self._history.show_entries(document.history() if document is not None else [])
        self._follow()

    def _follow(self) -> None:
        """Show how far the edit of the active document is; that happens many times a second."""
        document, session = self._document(), self._session()
        running = session is not None and session.is_running
        self._generate.setVisible(not running)
        self._generate.setEnabled(self.daemon.retouch is not None and document is not None)
        self._cancel.setVisible(running)
        words = self._words or ("" if document else "Open a document to edit it.")
        self._outcome.show_session(session, words)

    def generate(self) -> None:
        """Begin an edit of the active document with what the form says."""
        document, retouch, form = self._document(), self.daemon.retouch, self._form()
        if document is None or retouch is None or form is None:
            return
        before = self._session()
        if before is not None:
            if before.is_running:
                return
            before.keep()
            self._sessions.remove(before)
        try:
            order = self._order(document, form)
            session = Session(document, _title(form), self._at_work).start(retouch, order)
        except (Unsuitable, ValueError) as problem:
            self._say(panel_form.sentence(problem))
            return
        self._show(session)

    def fetch(self) -> None:
        """Fetch the edit of the active document that was interrupted."""
        document, retouch, entry = self._document(), self.daemon.retouch, self._interrupted()
        if document is not None and retouch is not None and entry is not None:
            title = str(entry.get("title", ""))
            self._show(Session(document, title, self._at_work).resume(retouch, entry))

    def cancel(self) -> None:
        """Stop the edit of the active document."""
        session = self._session()
        if session is not None:
            session.cancel()

    def keep(self) -> None:
        """Keep the shown variant in the active document."""
        session = self._session()
        if session is not None:
            session.keep()

    def flip(self, by: int) -> None:
        """Show another variant in the active document."""
        session = self._session()
        if session is not None:
            session.flip(by)

    def choose_mode(self, name: str) -> None:
        """Show the form of a mode."""
        self._mode.setCurrentIndex(max(0, self._mode.findData(name)))

    def fill(self, entry: dict[str, Any], folder: str = "") -> bool:
        """Fill in an edit of the history, or a recipe; tell whether it can be.

        Args:
            entry: see ``history``.
            folder: of a recipe, where its pictures lie.
        """
        try:
            found = remembered(entry)
            form = self._forms.get(found.mode)
            if form is None:
                return False
            values = recipe_files.with_files(found.values, list(form.mode.fields), folder)
        except ValueError as problem:
            self._say(str(problem))
            return False
        self.choose_mode(found.mode)
        form.fill(values, found.operations)
        self._say("")
        return True

    def open_recipe(self, path: str) -> bool:
        """Fill in the recipe of a file; tell whether it can be."""
        try:
            entry = recipe_files.read(path)
        except ValueError as problem:
            self._say(str(problem))
            return False
        return self.fill(entry, os.path.dirname(path))

    def save_recipe(self, entry: dict[str, Any], path: str) -> None:
        """Save an edit of the history as a recipe."""
        try:
            recipe_files.write(path, entry)
        except ValueError as problem:
            self._say(str(problem))
            return
        self._say(f"Saved as {os.path.basename(path)}.")

    def _order(self, document: Document, form: Form) -> Order:
        values, mode = form.values(), form.mode
        if mode.missing:
            raise ValueError(mode.missing)
        shortest = panel_form.native_size(self._catalog, str(values.get("model", "")))
        plan = None
        if "sides" in mode.needs:
            sides = [int(values.get("expand." + each) or 0) for each in _SIDES]
            overlap = int(values.get("expand.overlap") or 0)
            plan = geometry.expansion(
                document.canvas, *sides, overlap=overlap, shortest_side=shortest
            )
        return Order(mode, values, form.operations(), document.layer_extent(), shortest, plan)

    def _show(self, session: Session) -> None:
        self._words = ""
        session.changed.connect(self._follow)
        session.remembered.connect(self.refresh)
        self._sessions.append(session)
        self.refresh()

    def _interrupted(self) -> dict[str, Any] | None:
        document = self._document()
        if document is None or self._session() is not None:
            return None
        return self._at_work.of_document(document.document_id, document.path)

    def _document(self) -> Document | None:
        return Document.active(self._profiles)

    def _session(self) -> Session | None:
        document = self._document()
        return next((each for each in self._sessions if each.document == document), None)

    def _form(self) -> Form | None:
        return self._forms.get(str(self._mode.currentData()))

    def _layers(self) -> list[Layer]:
        document = self._document()
        return document.layers() if document is not None else []

    def _say(self, words: str) -> None:
        self._words = words
        self.refresh()

    def _found(self, catalog: dict[str, Any]) -> None:
        self._words = ""
        if catalog != self._catalog:
            self._catalog = catalog
            self._draw(panel_form.modes(catalog))
        self.refresh()

    def _missing(self, sentence: str) -> None:
        self._say(sentence)

    def _draw(self, modes: list[Mode]) -> None:
        """Draw the forms of all modes; a new operation appears by itself."""
        before = self._mode.currentData()
        while self._pages.count():
            self._pages.removeWidget(self._pages.widget(0))
        self._mode.clear()
        self._modes, self._forms = modes, {}
        for mode in modes:
            form = Form(mode, self._layers)
            self._forms[mode.name] = form
            area = QtWidgets.QScrollArea()
            area.setWidgetResizable(True)
            area.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
            area.setWidget(form)
            self._pages.addWidget(area)
            self._mode.addItem(mode.title, mode.name)
        if before is not None:
            self.choose_mode(before)
        self._turn_page(self._mode.currentIndex())

    def _turn_page(self, index: int) -> None:
        if 0 <= index < len(self._modes):
            self._pages.setCurrentIndex(index)
            mode = self._modes[index]
            self._help.setText(mode.missing or mode.help)

    def _start_daemon(self) -> None:
        try:
            start_daemon()
        except OSError as problem:
            self._say(f"Retouch does not start ({problem}). Fix: run `retouch serve`.")
            return
        self._words = "Starting Retouch ..."
        self.daemon.start()
        self.refresh()

    def _run_again(self, entry: dict[str, Any]) -> None:
        if self.fill(entry):
            self.generate()

    def _build(self) -> None:
        column = QtWidgets.QVBoxLayout(self)
        self._mode = QtWidgets.QComboBox()
        self._mode.setObjectName("retouch_mode")
        self._mode.setAccessibleName("Mode")
        self._mode.currentIndexChanged.connect(self._turn_page)
        column.addWidget(self._mode)
        self._help = QtWidgets.QLabel()
        self._help.setObjectName("retouch_help")
        self._help.setWordWrap(True)
        column.addWidget(self._help)
        self._pages = QtWidgets.QStackedWidget()
        column.addWidget(self._pages, 3)
        self._generate = _button("Generate", "retouch_generate", self.generate)
        self._cancel = _button("Cancel", "retouch_cancel", self.cancel)
        self._start = _button("Start Retouch", "retouch_start", self._start_daemon)
        self._fetch = _button("Fetch the Interrupted Edit", "retouch_fetch", self.fetch)
        for each in (self._generate, self._cancel, self._fetch, self._start):
            column.addWidget(each)
        self._outcome = OutcomeView()
        column.addWidget(self._outcome)
        self._history = HistoryView()
        self._history.wanted.connect(self.fill)
        self._history.opened.connect(self.open_recipe)
        self._history.saved.connect(self.save_recipe)
        self._history.wanted_again.connect(self._run_again)
        column.addWidget(self._history, 1)


def _button(words: str, name: str, pressed: Any) -> Any:
    found = QtWidgets.QPushButton(words)
    found.setObjectName(name)
    found.clicked.connect(lambda: pressed())
    return found


def _title(form: Form) -> str:
    words = str(form.values().get("prompt", "")) or form.mode.title
    words = " ".join(words.split())
    return words if len(words) <= _TITLE_LENGTH else words[: _TITLE_LENGTH - 1] + "\u2026"
