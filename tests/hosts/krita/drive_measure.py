"""Runs in Krita itself: how long its user interface is held up during edits of a large document."""

import time

import drive
from drive import picture_document
from drive_panel import app, arrange, choose, click, settled, shown, until, widget
from krita import Selection
from PyQt5.QtCore import QObject, Qt, QTimer

_SIDE = 4096


class Heart(QObject):
    """Beats every two milliseconds; what lies between two beats held up the user interface."""

    def __init__(self):
        super().__init__()
        self._last, self._worst = time.perf_counter(), 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(2)

    def _beat(self):
        now = time.perf_counter()
        self._worst, self._last = max(self._worst, now - self._last), now

    def take(self):
        """Milliseconds of the longest gap since the last call."""
        self._beat()
        found, self._worst = self._worst, 0.0
        return round(1000 * found, 1)


def edit(heart, document, mode, **values):
    """One edit; the longest gap from the click to the result, and then to the kept layer."""
    choose(mode, **values)
    yield 1.0
    heart.take()
    began = time.monotonic()
    click("retouch_generate")
    found = {}
    while not settled():
        yield 0.01
        if widget("retouch_picture").isVisible() and "first_preview_seconds" not in found:
            found["first_preview_seconds"] = round(time.monotonic() - began, 3)
            found["until_preview_ms"] = heart.take()
    yield 1.0
    found["until_result_ms"] = heart.take()
    click("retouch_keep")
    yield 0.5
    found["keep_ms"] = heart.take()
    return found


def measure():
    yield from arrange()
    document = picture_document("house.png", _SIDE, _SIDE)
    yield from shown(document)
    yield 4.0
    heart = Heart()
    yield 1.0
    heart.take()
    yield 2.0
    answers = {"idle_ms": heart.take()}
    app.action("add_new_paint_layer").trigger()
    yield 1.5
    answers["krita_adds_second_layer_ms"] = heart.take()
    node = document.createNode("plain", "paintlayer")
    heart.take()
    document.rootNode().addChildNode(node, None)
    yield 1.5
    answers["krita_adds_layer_by_python_ms"] = heart.take()
    app.action("edit_undo").trigger()
    yield 1.5
    answers["krita_undoes_it_ms"] = heart.take()
    small = picture_document("house.png", 256, 256)
    yield from shown(small)
    yield from edit(heart, small, "restyle", prompt="a blue house", steps=4)  # loads the model
    app.setActiveDocument(document)
    yield 1.5
    selection = Selection()
    selection.select(1500, 1500, 1024, 1024, 255)
    document.setSelection(selection)
    yield 1.5
    values = {"prompt": "a red house", "steps": 8}
    answers["selection_1024"] = yield from edit(heart, document, "fill", **values)
    document.setSelection(None)
    yield 1.5
    values = {"prompt": "a blue house", "steps": 8}
    answers["whole_4096"] = yield from edit(heart, document, "restyle", **values)
    yield from until(settled)
    drive.answer(answers)


drive.play(measure())
