"""One open document: everything that the plugin reads of it and does to it.

The same contract in every host: canvas, selection, layers; a capture of the pixels; a result as one
undo step. All calls are for the UI thread.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from krita import Krita

from .capture import Capture, find_layer, rect_of, selection_extent
from .color_profiles import ColorProfiles
from .plugin_kit.geometry import Expansion, Rect
from .qt import QtCore
from .result_layer import ResultLayer
from .sample_form import SampleForm, form_of, is_known

#: Name of the annotation that the plugin keeps in a document's file.
_HISTORY = "retouch.history"
_MOST_ENTRIES = 100


class Unsuitable(Exception):
    """The document cannot be edited so; ``str()`` is one sentence with what to do."""


class Layer(NamedTuple):
    """A layer that can be chosen as a picture."""

    name: str
    layer_id: str


class Document:
    """An open document of Krita.

    Args:
        document: Krita's.
        profiles: what has been looked up already.
    """

    def __init__(self, document: Any, profiles: ColorProfiles) -> None:
        self._document, self._profiles = document, profiles

    @classmethod
    def active(cls, profiles: ColorProfiles) -> Document | None:
        """Return the document that is worked on; None where there is none."""
        found = Krita.instance().activeDocument()
        return None if found is None else cls(found, profiles)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Document) and self._document == other._document

    @property
    def native(self) -> Any:
        """Krita's own object."""
        return self._document

    @property
    def is_open(self) -> bool:
        """Whether it was not closed meanwhile."""
        return any(each == self._document for each in Krita.instance().documents())

    @property
    def title(self) -> str:
        """Its name for people."""
        return self._document.name() or self._document.fileName() or "the document"

    @property
    def path(self) -> str:
        """Its file; empty = it was never saved."""
        return str(self._document.fileName())

    @property
    def canvas(self) -> Rect:
        """Its bounds."""
        return rect_of(self._document.bounds())

    @property
    def selection(self) -> Rect | None:
        """Extent of the selection on the canvas; None = nothing is selected."""
        found = self._document.selection()
        return None if found is None else selection_extent(found, self.canvas)

    @property
    def form(self) -> SampleForm:
        """How its samples lie in memory."""
        return form_of(self._document.colorDepth(), self._document.colorProfile())

    @property
    def document_id(self) -> str:
        """The daemon's name for it: that of its root layer, so nothing is written into it."""
        return "krita-" + str(self._document.rootNode().uniqueId().toString()).strip("{}")

    def check(self) -> None:
        """Raise Unsuitable where nothing can be edited."""
        if not self.is_open:
            raise Unsuitable("The document was closed. Fix: open it again.")
        model, depth = self._document.colorModel(), self._document.colorDepth()
        if not is_known(model, depth):
            fix = "choose Image > Convert Image Color Space > RGB/Alpha first"
            raise Unsuitable(f"Documents in {model} with {depth} cannot be edited. Fix: {fix}.")

    def layers(self) -> list[Layer]:
        """Return all layers that have pixels, topmost first."""
        found: list[Layer] = []
        _collect(self._document.rootNode(), found)
        return found

    def layer_extent(self) -> Rect:
        """Return what "the whole layer" means: of the active layer on the canvas, or all of it."""
        canvas, node = self.canvas, self._document.activeNode()
        if node is None or node.type() != "paintlayer":
            return canvas
        found = rect_of(node.bounds()).clipped(canvas)
        return canvas if found.empty else found

    def capture(self, layer_ids: tuple[str, ...] = ()) -> Capture:
        """Return the document as it is now; ``layer_ids`` will be read, too.

        Raises:
            Unsuitable: it cannot be edited. ValueError: a colour profile cannot be read.
        """
        self.check()
        found = self._document.selection()
        names = {self.form.profile_name}
        for layer_id in layer_ids:
            node = find_layer(self._document.rootNode(), layer_id)
            if node is not None:
                names.add(node.colorProfile())
        profiles = {name: self._profiles.named(name) for name in names}
        return Capture(
            self._document.clone(),
            None if found is None else found.duplicate(),
            self.canvas,
            self.form,
            profiles,
            self.document_id,
        )

    def result_layer(self, name: str, expansion: Expansion | None = None) -> ResultLayer:
        """Return where the results of one edit are shown; nothing is added yet."""
        return ResultLayer(self._document, name, self.form, expansion)

    def history(self) -> list[dict[str, Any]]:
        """Return the edits of this document, newest first; damaged ones are left out."""
        try:
            found = json.loads(bytes(self._document.annotation(_HISTORY)).decode("utf-8") or "[]")
        except ValueError:
            return []
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def add_to_history(self, entry: dict[str, Any]) -> None:
        """Remember an edit in the document; the oldest of more than a hundred go."""
        entries = [entry, *self.history()][:_MOST_ENTRIES]
        written = json.dumps(entries, ensure_ascii=False).encode("utf-8")
        words = "Edits that Retouch made in this document"
        self._document.setAnnotation(_HISTORY, words, QtCore.QByteArray(written))


def _collect(node: Any, found: list[Layer]) -> None:
    for each in reversed(node.childNodes()):
        if not each.type().endswith("mask"):
            found.append(Layer(each.name(), each.uniqueId().toString()))
            _collect(each, found)
