"""One edit in a worker thread: read the capture, run the task, tell the UI thread by signals."""

from __future__ import annotations

import hashlib
import random
import threading
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from .capture import Capture
from .finished_pixels import content_of_preview, content_of_result, image_of
from .plugin_kit import geometry, panel_form
from .plugin_kit.client import Retouch
from .plugin_kit.edit_request import Choices, Picture, Snapshot, expansion_snapshot
from .plugin_kit.edit_task import EditResult, EditTask, Preview, Progress
from .plugin_kit.geometry import Expansion, Rect
from .plugin_kit.panel_form import Field, Mode
from .qt import QtCore, QtGui, Signal
from .result_layer import Content
from .sample_form import SampleForm

#: Longest side of pictures in the docker.
_THUMBNAIL = 256
#: Seeds that are drawn: short enough to read out.
_SEEDS = 10**9


class LayerChoice(NamedTuple):
    """A layer that was chosen for a picture or a mask."""

    layer_id: str


class FileChoice(NamedTuple):
    """A picture file that was chosen."""

    path: str


class SelectionChoice(NamedTuple):
    """The selection, chosen for a mask."""


@dataclass(frozen=True)
class Order:
    """What a person asked for.

    Attributes:
        mode: the chosen one.
        values: by field key; pictures and masks are choices as above, or references to pictures
            that the daemon has.
        operations: of the mode "combine": the chosen ones.
        area: the whole layer, that is edited where nothing is selected.
        shortest_side: of what is sent, in pixels: the model's own size.
        expansion: how the canvas grows; None = not at all.
    """

    mode: Mode
    values: dict[str, Any] = field(default_factory=dict)
    operations: list[str] | None = None
    area: Rect | None = None
    shortest_side: int = 64
    expansion: Expansion | None = None

    def layer_ids(self) -> tuple[str, ...]:
        """Return the ids of all layers that are read."""
        given = (each for value in self.values.values() for each in _several(value))
        return tuple(each.layer_id for each in given if isinstance(each, LayerChoice))


class Variant(NamedTuple):
    """One finished variant: what the daemon gave, what is written, what the docker shows."""

    result: EditResult
    content: Content
    image: QtGui.QImage


class Edit(QtCore.QObject):
    """One edit at work. Its signals arrive in the UI thread.

    Args:
        retouch: the daemon.
        capture: the document; it is closed when it has been read.
        order: what to do.
        with_mask: whether results have a transparency mask instead of their alpha.
        preview_contents: whether previews are wanted as contents of a layer, too.
    """

    progressed = Signal(object)  # edit_task.Progress
    previewed = Signal(object, object)  # QImage, and Content or None
    arrived = Signal(object)  # Variant
    submitted = Signal(object)  # this edit: the daemon has it; see job_id and crop
    ended = Signal(object)  # this edit; see state and error
    _was_read = Signal()

    def __init__(
        self,
        retouch: Retouch,
        capture: Capture,
        order: Order,
        with_mask: bool = False,
        preview_contents: bool = True,
    ) -> None:
        super().__init__()
        self.state, self.error = "new", ""
        self.job_id = ""
        self.crop: Rect | None = None
        #: SHA-256 -> path, of the files among its pictures.
        self.files: dict[str, str] = {}
        self._retouch, self._capture, self._order = retouch, capture, order
        self._with_mask, self._preview_contents = with_mask, preview_contents
        self._form = capture.form
        self._task: EditTask | None = None
        self._stopped = threading.Event()
        self._was_read.connect(capture.close)

    def start(self) -> Edit:
        """Begin; return the edit itself."""
        threading.Thread(target=self.run, name="retouch-krita", daemon=True).start()
        return self

    def run(self) -> Edit:
        """Do all of it in the calling thread."""
        self.state = "running"
        try:
            snapshot, choices = self._read()
        except Exception as problem:  # the person must be told, whatever it is
            self._was_read.emit()
            self._end("failed", panel_form.sentence(problem))
            return self
        self._was_read.emit()
        self.crop = snapshot.crop
        task = EditTask(
            *(self._retouch, snapshot, choices),
            on_progress=self._progress,
            on_preview=self._preview,
            on_result=self._result,
        )
        self._task = task
        if self._stopped.is_set():
            task.cancel()
        task.run()
        self.job_id = task.job_id
        self._end(task.state, "" if task.error is None else panel_form.sentence(task.error))
        return self

    def cancel(self) -> None:
        """Stop exactly this edit; returns at once. Harmless when it is over."""
        self._stopped.set()
        if self._task is not None:
            self._task.cancel()

    def _end(self, state: str, error: str) -> None:
        self.state, self.error = state, error
        self.ended.emit(self)

    def _read(self) -> tuple[Snapshot, Choices]:
        order = self._order
        if order.expansion is not None:
            picture = self._capture.picture(order.expansion.read)
            snapshot = expansion_snapshot(order.expansion, picture, self._capture.document_id)
        else:
            snapshot = self._snapshot()
        values = {key: self._given(key, value, snapshot) for key, value in order.values.items()}
        selected = snapshot.mask is not None or snapshot.selection is not None
        choices = panel_form.choices(order.mode, values, order.operations, selected)
        if choices.seed is None:
            # The daemon would draw a longer one.
            choices = replace(choices, seed=random.randrange(_SEEDS))
        hard = snapshot.mask is not None and not _is_soft(snapshot.mask)
        if hard and order.expansion is None and not values.get("feather"):
            # A seam that nobody softened would show.
            feather = geometry.default_feather(self._capture.selected or snapshot.crop)
            choices = replace(choices, feather=feather)
        return snapshot, choices

    def _snapshot(self) -> Snapshot:
        capture, order = self._capture, self._order
        selected = capture.selected
        area = selected or order.area or capture.canvas
        crop = geometry.region(area, capture.canvas, shortest_side=order.shortest_side)
        mask = capture.mask(crop) if selected is not None else None
        everything = mask is None and area == capture.canvas
        only = None if mask is not None or everything else area
        return Snapshot(crop, capture.picture(crop), mask, only, capture.document_id)

    def _given(self, key: str, value: Any, snapshot: Snapshot) -> Any:
        """What a choice of the form stands for."""
        wanted = next((each for each in self._order.mode.fields if each.key == key), None)
        if isinstance(value, list):
            return [self._given(key, each, snapshot) for each in value]
        if wanted is not None and wanted.kind == "mask":
            return self._mask(wanted, value, snapshot)
        if isinstance(value, LayerChoice):
            return self._capture.layer_picture(value.layer_id)
        if isinstance(value, FileChoice):
            picture = _picture_file(value.path)
            self.files[hashlib.sha256(picture.data).hexdigest()] = value.path
            return picture
        return value

    def _mask(self, wanted: Field, value: Any, snapshot: Snapshot) -> Any:
        if isinstance(value, LayerChoice):
            return self._capture.layer_mask(value.layer_id, snapshot.crop)
        if isinstance(value, SelectionChoice):
            if snapshot.mask is None:
                fix = "select a part of the canvas"
                raise ValueError(f"{wanted.label}: nothing is selected. Fix: {fix}.")
            return snapshot.mask
        return value

    def _preview(self, preview: Preview) -> None:
        if preview.variant == 0:
            content = None
            if self._preview_contents:
                content = content_of_preview(preview, self._form, self._with_mask)
            self.previewed.emit(image_of(preview.picture, _THUMBNAIL), content)

    def _progress(self, progress: Progress) -> None:
        if self._task is not None and self._task.job_id and not self.job_id:
            self.job_id = self._task.job_id
            self.submitted.emit(self)
        self.progressed.emit(progress)

    def _result(self, result: EditResult) -> None:
        self.arrived.emit(variant_of(result, self._form, self._with_mask))


def variant_of(result: EditResult, form: SampleForm, with_mask: bool) -> Variant:
    """Return a result with what is written and what the docker shows; for worker threads."""
    content = content_of_result(result, form, with_mask)
    return Variant(result, content, image_of(result.picture, _THUMBNAIL))


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_soft(mask: bytes) -> bool:
    return mask.count(b"\x00") + mask.count(b"\xff") < len(mask)


def _picture_file(path: str) -> Picture:
    try:
        with open(path, "rb") as file:
            return Picture(file.read())
    except OSError as problem:
        fix = "choose another file"
        raise ValueError(f"{path} cannot be read ({problem.strerror}). Fix: {fix}.") from problem
