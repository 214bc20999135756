"""The layer in which an edit shows its previews and results: one undo step from first to last.

Adding a layer is an undo step of Krita's; writing pixels into one is none. So the layer is added
once, with the first picture, and what comes later is written into it. It is locked until a variant
is kept, and no other layer is ever written to.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Iterator, NamedTuple

from krita import Krita, Selection

from .plugin_kit.geometry import Expansion, Rect
from .qt import QtCore
from .sample_form import SampleForm

#: Bytes that are written at once, and seconds of the UI thread for one turn of it.
_PIECE, _TURN = 1 << 20, 0.008
#: Milliseconds after which Krita has noticed that there is a new layer.
_SOON = 60
#: Pixels of a document up to which showing something new takes Krita less than about 50 ms: it
#: computes all of the picture again. Larger ones show their result, and previews in the docker.
QUICK_PIXELS = 4_500_000


class Content(NamedTuple):
    """Pixels of a layer.

    Attributes:
        pixels: packed rows in the document's form, with alpha.
        bounds: where they go, in pixels of the document as it was read.
        mask: one byte per pixel, for a transparency mask; None = alpha says it all.
    """

    pixels: bytes
    bounds: Rect
    mask: bytes | None = None


def takes_masks(document: Any) -> bool:
    """Tell whether this Krita lets plugins make transparency masks (5.2 and later)."""
    return hasattr(document, "createTransparencyMask")


class ResultLayer:
    """The layer of one edit. All calls are for the UI thread.

    Args:
        document: Krita's.
        name: of the layer while it is locked.
        form: of the document's samples.
        expansion: how the canvas grows when the first content is shown; None = not at all.
    """

    def __init__(
        self, document: Any, name: str, form: SampleForm, expansion: Expansion | None
    ) -> None:
        self._document, self._name, self._form = document, name, form
        self._expansion, self._grown = expansion, False
        self._small = (document.width(), document.height())
        self._node: Any = None
        self._mask: Any = None
        self._written: Rect | None = None
        self._added_words: str | None = None  # None = not known yet
        self._writing: Iterator[None] | None = None
        self._waiting: Content | None = None
        self._at_work = False
        self._is_new = self._unwanted = False

    @property
    def is_there(self) -> bool:
        """Whether the layer is in the document now; undo takes it out, redo puts it back."""
        if self._node is None or not self._is_open:
            return False  # asking a layer of a closed document crashes Krita
        return self._node.parentNode() is not None

    @property
    def _is_open(self) -> bool:
        return any(each == self._document for each in Krita.instance().documents())

    @property
    def was_taken_out(self) -> bool:
        """Whether it was shown, and the person removed it."""
        return self._node is not None and self._writing is None and not self.is_there

    @property
    def can_preview(self) -> bool:
        """Whether pictures on the way can be shown here without holding up the person."""
        pixels = self._document.width() * self._document.height()
        return self._expansion is None and pixels <= QUICK_PIXELS

    @property
    def bounds(self) -> Rect | None:
        """Where its pixels are in the document; None = nothing was shown yet."""
        return self._written

    def show(self, content: Content) -> None:
        """Show something in the layer; adds it when it is not there: the only undo step.

        Large contents are written in turns of the UI thread; what is shown last counts.
        """
        self._waiting = content
        self._turn()

    def finish(self) -> None:
        """Wait until what is to be shown is there."""
        while self._step():
            pass

    def keep(self, name: str) -> None:
        """Make it the person's own: unlocked, with a name that says what it is, and active."""
        self.finish()
        if self.is_there:
            self._node.setLocked(False)
            self._node.setName(name)
            self._document.setActiveNode(self._node)

    def drop(self) -> None:
        """Take it out of the document.

        Where adding it was the last thing that happened, that is undone: no trace is left in the
        undo history. Otherwise it is removed, which is an undo step of its own. One that is being
        added goes as soon as Krita has noticed it: before, undoing it would not be noticed either.
        """
        self._waiting = None
        self._unwanted = self._is_new
        if self._unwanted:
            return
        self._writing = None
        if not self.is_there:
            return
        self._node.setLocked(False)
        undone = self._is_last() and self._undone(lambda: not self.is_there)
        if not undone:
            self._node.remove()
        self._document.waitForDone()
        # Growing the canvas came right before adding the layer: what is undone next is that.
        if self._grown and not (undone and self._undone(self._is_small)):
            self._document.resizeImage(*self._expansion.offset, *self._small)
            self._document.waitForDone()
        self._grown = False

    def _is_small(self) -> bool:
        return (self._document.width(), self._document.height()) == self._small

    def _turn(self) -> None:
        """Work for a few milliseconds, and go on in the next turn of Qt's loop."""
        began = time.perf_counter()
        while self._step():
            if time.perf_counter() - began > _TURN:
                QtCore.QTimer.singleShot(0, self._turn)
                return

    def _step(self) -> bool:
        """Do the next piece; tell whether there is more."""
        if self._at_work:
            return False  # Krita lets events through while it adds a layer: this is one of them
        if not self._is_open:
            self._writing = self._waiting = None
        if self._waiting is not None:
            self._writing, self._waiting = self._steps(self._waiting), None
        if self._writing is None:
            return False
        self._at_work = True
        try:
            next(self._writing)
        except StopIteration:
            self._writing = None
        finally:
            self._at_work = False
        return self._writing is not None or self._waiting is not None

    def _steps(self, content: Content) -> Iterator[None]:
        bounds = self._placed(content.bounds)
        if not self.is_there:
            yield from self._add(content, bounds)
            return
        if self._written is not None and self._written != bounds:
            empty = bytes(self._written.width * self._form.pixel_bytes)
            yield from self._write(self._written, empty, one_row=True)
        yield from self._write(bounds, content.pixels)
        self._set_mask(content, bounds)
        self._written = bounds
        self._document.refreshProjection()

    def _add(self, content: Content, bounds: Rect) -> Iterator[None]:
        node = self._document.createNode(self._name, "paintlayer")
        self._node, self._mask = node, None
        yield from self._write(bounds, content.pixels)
        self._written = bounds
        if content.mask is not None and takes_masks(self._document):
            # Before the layer is added, and not by addChildNode: each would be an undo step more.
            self._mask = self._document.createTransparencyMask("Selection")
            self._set_mask(content, bounds)
            node.setChildNodes([self._mask])
        node.setLocked(True)
        self._added_words, self._is_new = None, True
        self._grow_canvas()
        active = self._document.activeNode()
        self._document.rootNode().addChildNode(node, None)
        # Krita makes a new layer the active one, and names what can be undone, a little later.
        QtCore.QTimer.singleShot(_SOON, lambda: self._settle(active))

    def _settle(self, active: Any) -> None:
        """Remember what Krita would undo now, and give the person's own layer back to the pen."""
        self._is_new = False
        if self.is_there and self._node.locked():
            undo = Krita.instance().action("edit_undo")
            self._added_words = undo.text() if undo is not None else ""
            if active is not None:
                self._document.setActiveNode(active)
        if self._unwanted:
            self.drop()

    def _placed(self, bounds: Rect) -> Rect:
        """Where it goes in the document as it will be: growing at the left or top moves all."""
        return bounds if self._expansion is None else bounds.shifted(*self._expansion.offset)

    def _grow_canvas(self) -> None:
        """An undo step of its own: Krita's Python cannot join it with that of the layer."""
        if self._expansion is not None and not self._grown:
            self._grown = True
            self._document.resizeImage(*self._expansion.canvas)
            self._document.waitForDone()

    def _write(self, bounds: Rect, pixels: bytes, one_row: bool = False) -> Iterator[None]:
        """Write packed rows, or the same row again and again."""
        row_bytes = bounds.width * self._form.pixel_bytes
        rows = max(1, _PIECE // row_bytes)
        for y in range(0, bounds.height, rows):
            height = min(rows, bounds.height - y)
            begin = y * row_bytes
            piece = pixels * height if one_row else pixels[begin : begin + height * row_bytes]
            place = (bounds.x, bounds.y + y, bounds.width, height)
            self._node.setPixelData(QtCore.QByteArray(piece), *place)
            yield

    def _set_mask(self, content: Content, bounds: Rect) -> None:
        if self._mask is None or content.mask is None:
            return
        selection = Selection()
        selection.setPixelData(QtCore.QByteArray(content.mask), *bounds)
        self._mask.setSelection(selection)

    def _is_last(self) -> bool:
        """Whether Krita would undo adding the layer, as far as its menu tells."""
        undo = Krita.instance().action("edit_undo")
        if undo is None or Krita.instance().activeDocument() != self._document:
            return False
        return self._added_words is None or undo.text() == self._added_words

    def _undone(self, is_undone: Callable[[], bool]) -> bool:
        """Undo once; where that was something else, redo it; tell whether it was ours."""
        app = Krita.instance()
        app.action("edit_undo").trigger()
        self._document.waitForDone()
        if not is_undone():
            app.action("edit_redo").trigger()
            self._document.waitForDone()
        return is_undone()
