"""The docker as a person handles it: find, click, choose, look, wait."""

import time

from drive import HOME
from krita import Krita
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QDockWidget, QLabel, QPushButton, QWidget

app = Krita.instance()
app.setBatchmode(True)
known = {}


def widget(name):
    """A widget of the panel; looking for one in all of Krita's takes a tenth of a second."""
    if name not in known:
        window = app.activeWindow().qwindow()
        known[name] = window.findChild(QWidget, name)
    return known[name]


def click(name):
    found = widget(name)
    assert isinstance(found, QPushButton) and found.isVisible() and found.isEnabled(), name
    found.click()


def message():
    found = widget("retouch_message")
    assert isinstance(found, QLabel)
    return found.text() if found.isVisible() else ""


def undo_words():
    """What Krita would undo; "Undo" where there is nothing."""
    return app.action("edit_undo").text().strip()


def names(document):
    document.waitForDone()
    return [each.name() for each in document.topLevelNodes()]


def until(told, seconds=90, what="it"):
    """Wait until something is so."""
    ends = time.monotonic() + seconds
    while not told():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} did not come in {seconds} s; the panel says {message()!r}")
        yield 0.03


def shoot(name):
    yield 0.4
    path = HOME / f"{name}.png"
    app.activeWindow().qwindow().grab().save(str(path))
    return str(path)


def arrange():
    """Our docker and the layers, as wide as a person would make them."""
    window = app.activeWindow().qwindow()
    window.resize(1440, 900)
    ours = next(
        each for each in window.findChildren(QDockWidget) if each.windowTitle() == "Retouch"
    )
    for each in window.findChildren(QDockWidget):
        layers = each.objectName() == "KisLayerBox"
        each.setVisible(each is ours or layers or each.objectName() == "ToolBox")
    ours.setVisible(True)
    ours.raise_()
    window.resizeDocks([ours], [330], Qt.Horizontal)
    yield from until(lambda: widget("retouch_mode").count() > 0, 60, "the catalogue")


def shown(document):
    app.activeWindow().addView(document)
    app.setActiveDocument(document)
    yield 0.6
    app.action("zoom_to_fit").trigger() if app.action("zoom_to_fit") else None
    yield 0.2


def choose(mode, **values):
    box = widget("retouch_mode")
    box.setCurrentIndex(box.findData(mode))
    panel = widget("retouch_panel")
    form = panel._form()
    form.fill({}, [])
    for key, value in values.items():
        form.set_value(key.replace("__", "."), value)


def settled():
    return not widget("retouch_cancel").isVisible()
