"""Edits that were at work when Krita ended: the daemon goes on, and keeps their results."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

from .edit import Variant, variant_of
from .plugin_kit import panel_form
from .plugin_kit.client import Retouch
from .plugin_kit.edit_events import read_result
from .plugin_kit.failures import error_of_event
from .plugin_kit.geometry import Expansion, Rect
from .qt import QtCore, Signal
from .sample_form import SampleForm

_FILE = "retouch-edits-at-work.json"
_MOST = 50


class EditsAtWork:
    """The edits at work, in a file of this user: what is left there was interrupted.

    Args:
        folder: of the file; None = Krita's own for data.
    """

    def __init__(self, folder: str | None = None) -> None:
        data = QtCore.QStandardPaths.StandardLocation.AppDataLocation
        self._path = os.path.join(folder or QtCore.QStandardPaths.writableLocation(data), _FILE)

    def add(self, entry: dict[str, Any]) -> None:
        """Remember an edit; ``entry`` has its "job_id" and is plain JSON."""
        self._write([entry, *self._without(entry["job_id"])][:_MOST])

    def remove(self, job_id: str) -> None:
        """Forget an edit that is over."""
        found = self._read()
        left = self._without(job_id)
        if left != found:
            self._write(left)

    def of_document(self, document_id: str, path: str) -> dict[str, Any] | None:
        """Return the newest edit of a document; it is known by its file, too."""
        for entry in self._read():
            same_file = bool(path) and entry.get("path") == path
            if same_file or entry.get("document_id") == document_id:
                return entry
        return None

    def _without(self, job_id: str) -> list[dict[str, Any]]:
        return [each for each in self._read() if each.get("job_id") != job_id]

    def _read(self) -> list[dict[str, Any]]:
        try:
            with open(self._path, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return []
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def _write(self, entries: list[dict[str, Any]]) -> None:
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with open(self._path + ".new", "w", encoding="utf-8") as file:
                json.dump(entries, file)
            os.replace(self._path + ".new", self._path)
        except OSError:
            return  # an edit that cannot be fetched later is no reason not to make it now


def expansion_of(written: Any) -> Expansion | None:
    """Return an expansion from its plain JSON form: its fields in order."""
    if not written:
        return None
    canvas, crop, kept, offset, read = written
    return Expansion(Rect(*canvas), Rect(*crop), Rect(*kept), tuple(offset), Rect(*read))


class ResumedEdit(QtCore.QObject):
    """Follows an edit that was begun before; the same signals as ``Edit``.

    Args:
        retouch: the daemon.
        job_id: its name of the edit.
        crop: where the request's canvas lies in the document.
        form: of the document's samples.
        with_mask: as of ``Edit``.
    """

    progressed = Signal(object)
    previewed = Signal(object, object)
    arrived = Signal(object)
    submitted = Signal(object)
    ended = Signal(object)

    def __init__(
        self, retouch: Retouch, job_id: str, crop: Rect, form: SampleForm, with_mask: bool
    ) -> None:
        super().__init__()
        self.state, self.error, self.job_id = "new", "", job_id
        self._retouch, self._crop, self._form, self._with_mask = retouch, crop, form, with_mask
        self._stopped = threading.Event()

    def start(self) -> ResumedEdit:
        """Begin; return the edit itself."""
        threading.Thread(target=self.run, name="retouch-krita", daemon=True).start()
        return self

    def run(self) -> ResumedEdit:
        """Do all of it in the calling thread."""
        try:
            self.state = self._follow()
        except Exception as problem:  # the person must be told, whatever it is
            self.state, self.error = "failed", panel_form.sentence(problem)
        self.ended.emit(self)
        return self

    def cancel(self) -> None:
        """Stop exactly this edit; returns at once."""
        self._stopped.set()

    def _follow(self) -> str:
        for event in self._retouch.watch(self.job_id, 0, self._stopped):
            problem = error_of_event(event)
            if problem is not None:
                if "cancelled" in event:
                    return "cancelled"
                raise problem
            if "result" in event:
                self.arrived.emit(self._variant(event))
        if self._stopped.is_set():
            self._retouch.cancel([self.job_id])
            return "cancelled"
        return "done"

    def _variant(self, event: dict[str, Any]) -> Variant:
        result = read_result(event, self._crop, self._retouch.get)
        return variant_of(result, self._form, self._with_mask)
