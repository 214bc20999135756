"""An edit as the person sees it: at work, then variants to flip through until one is kept."""

from __future__ import annotations

from typing import Any

from .document import Document
from .edit import Edit, Order, Variant
from .history import entry_of
from .interrupted import EditsAtWork, ResumedEdit, expansion_of
from .plugin_kit.client import Retouch
from .plugin_kit.edit_task import Progress
from .plugin_kit.geometry import Expansion, Rect
from .qt import QtCore, QtGui, Signal
from .result_layer import Content, takes_masks

_PREVIEW_NAME = "[Retouch] "


class Session(QtCore.QObject):
    """One edit of one document, from the click to the kept layer. All is for the UI thread.

    Args:
        document: the document; the edit stays with it, whatever document is active.
        title: of the edit, for the layer's name.
        at_work: remembers the edit while it is at work.

    Attributes:
        document: as above.
        state: "running", then "done", "failed" or "cancelled".
        progress: how far it is; None = nothing is known yet.
        message: a sentence to show; empty = none.
        image: the newest preview, or the variant that is shown; None = there is none yet.
        variants: the finished ones, in order.
        shown: index of the variant that is in the layer.
        is_open: whether a variant is still to be kept or discarded.
    """

    changed = Signal()
    #: The document's history, or what is at work, has changed.
    remembered = Signal()

    def __init__(self, document: Document, title: str, at_work: EditsAtWork) -> None:
        super().__init__()
        self._at_work = at_work
        self.document, self._title = document, title
        self.state, self.message = "running", ""
        self.progress: Progress | None = None
        self.image: QtGui.QImage | None = None
        self.variants: list[Variant] = []
        self.shown = 0
        self.is_open = False
        self._edit: Any = None
        self._layer: Any = None
        self._mode = ""
        self._expansion: Expansion | None = None

    @property
    def is_running(self) -> bool:
        """Whether the edit is not over."""
        return self.state == "running"

    def start(self, retouch: Retouch, order: Order) -> Session:
        """Begin.

        Raises:
            document.Unsuitable, ValueError: it cannot be begun; nothing was changed.
        """
        capture = self.document.capture(order.layer_ids())
        self._prepare(order.mode.name, order.expansion)
        with_mask = takes_masks(self.document.native)
        return self._begin(Edit(retouch, capture, order, with_mask, self._layer.can_preview))

    def resume(self, retouch: Retouch, entry: dict[str, Any]) -> Session:
        """Fetch an edit that was interrupted; ``entry`` is what was remembered of it."""
        self._prepare(str(entry.get("mode", "")), expansion_of(entry.get("expansion")))
        form, with_mask = self.document.form, takes_masks(self.document.native)
        crop = Rect(*entry["crop"])
        return self._begin(ResumedEdit(retouch, str(entry["job_id"]), crop, form, with_mask))

    def _prepare(self, mode: str, expansion: Expansion | None) -> None:
        self._mode, self._expansion = mode, expansion
        self._layer = self.document.result_layer(_PREVIEW_NAME + self._title, expansion)

    def _begin(self, edit: Any) -> Session:
        edit.progressed.connect(self._progressed)
        edit.previewed.connect(self._previewed)
        edit.arrived.connect(self._arrived)
        edit.submitted.connect(self._submitted)
        edit.ended.connect(self._ended)
        self._edit = edit.start()
        return self

    def cancel(self) -> None:
        """Stop exactly this edit."""
        if self._edit is not None and self.is_running:
            self.message = "Cancelling ..."
            self._edit.cancel()
            self.changed.emit()

    def flip(self, by: int) -> None:
        """Show another variant: ``by`` further, around the end."""
        if self.variants and self.is_open and self._can_write():
            self.shown = (self.shown + by) % len(self.variants)
            self._show_variant()
            self.changed.emit()

    def keep(self) -> None:
        """Keep the shown variant: its layer is the person's own from now on."""
        if self.is_open and self._can_write():
            variant = self.variants[self.shown]
            if not self._layer.is_there:
                self._show_variant()
            self._layer.keep(f"{self._title} ({variant.result.seed})")
        self.is_open = False
        self.changed.emit()

    def discard(self) -> None:
        """Take the result out of the document again."""
        if self.is_open and self._can_write():
            self._layer.drop()
        self.is_open, self.image = False, None
        self.changed.emit()

    def _can_write(self) -> bool:
        if self.document.is_open:
            return True
        self.message = "The document was closed. Fix: open it again and run the edit again."
        return False

    def _progressed(self, progress: Progress) -> None:
        self.progress = progress
        self.changed.emit()

    def _previewed(self, image: QtGui.QImage, content: Content | None) -> None:
        if self.variants or not self.is_running:
            return
        self.image = image
        wanted = content is not None and not self._layer.was_taken_out
        if wanted and self.document.is_open:
            self._layer.show(content)
        self.changed.emit()

    def _arrived(self, variant: Variant) -> None:
        self.variants.append(variant)
        self.variants.sort(key=lambda each: each.result.variant)
        self.is_open = True
        if len(self.variants) == 1 and self._can_write():
            self.shown = 0
            # While Krita adds a layer it lets the end of the edit through: it must know of this.
            self._remember(variant)
            self._show_variant()
        self.image = self.variants[self.shown].image
        self.changed.emit()

    def _submitted(self, edit: Edit) -> None:
        if self.document.is_open and self.is_running:
            self._at_work.add(
                {
                    "job_id": edit.job_id,
                    "document_id": self.document.document_id,
                    "path": self.document.path,
                    "title": self._title,
                    "mode": self._mode,
                    "crop": edit.crop,
                    "expansion": self._expansion,
                }
            )

    def _ended(self, edit: Any) -> None:
        self._at_work.remove(edit.job_id)
        self.state = edit.state
        if edit.error or self.document.is_open:
            self.message = edit.error
        if edit.state == "cancelled" and not self.variants:
            self.message = "Cancelled; the document is as it was."
        if not self.variants:
            self.image = None
            if self.document.is_open:
                self._layer.drop()
        self.changed.emit()
        self.remembered.emit()

    def _show_variant(self) -> None:
        variant = self.variants[self.shown]
        self.image = variant.image
        self._layer.show(variant.content)

    def _remember(self, variant: Variant) -> None:
        files = getattr(self._edit, "files", {})  # one that was interrupted knows none
        self.document.add_to_history(entry_of(self._mode, self._title, variant.result, files))
        self.remembered.emit()
