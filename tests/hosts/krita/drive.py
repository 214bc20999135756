"""What the scripts share that run inside Krita: documents, edits, and what is seen of them."""

import hashlib
import json
import os
import time
import traceback
from pathlib import Path

from krita import Krita, Selection
from PyQt5.QtCore import QByteArray, QEventLoop, QTimer
from PyQt5.QtGui import QImage

HOME = Path(os.environ["RETOUCH_TEST_HOME"])
given = json.loads((HOME / "given.json").read_text())
SRGB = "sRGB-elle-V2-srgbtrc.icc"
PIXEL_BYTES = {"U8": 4, "U16": 8, "F16": 8, "F32": 16}


def answer(found):
    """Write what was found, all at once."""
    new = HOME / "answers.new"
    new.write_text(json.dumps(found))
    new.replace(HOME / "answers.json")


def wait(seconds):
    """Let Qt's loop run."""
    loop = QEventLoop()
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    loop.exec_()


def wait_until(told, seconds=90, what="it"):
    """Let Qt's loop run until something is so."""
    ends = time.monotonic() + seconds
    while not told():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} did not come in {seconds} s")
        wait(0.02)


def play(scene):
    """Run a generator from Krita's own event loop; it yields seconds to wait. Then leave Krita."""
    try:
        seconds = next(scene)
    except BaseException as problem:
        if not isinstance(problem, StopIteration):
            traceback.print_exc()
        leave()
        return
    QTimer.singleShot(int(1000 * seconds), lambda: play(scene))


def leave():
    """Close everything and end Krita."""
    for document in Krita.instance().documents():
        document.setModified(False)
        document.close()
    QTimer.singleShot(200, Krita.instance().action("file_quit").trigger)


def digest(data):
    return hashlib.sha256(bytes(data)).hexdigest()


def document_of(pixels, width, height, depth="U8", profile=SRGB):
    """A new document with one layer of given pixels."""
    made = Krita.instance().createDocument(width, height, "picture", "RGBA", depth, profile, 72.0)
    made.setBatchmode(True)
    node = made.topLevelNodes()[0]
    node.setPixelData(QByteArray(pixels), 0, 0, width, height)
    made.refreshProjection()
    made.waitForDone()
    return made


def picture_document(name="house.png", width=128, height=128):
    """A document of a picture file, 8 bits."""
    image = QImage(str(HOME / name)).scaled(width, height).convertToFormat(QImage.Format_ARGB32)
    rows = image.constBits()
    rows.setsize(width * height * 4)
    return document_of(bytes(rows), width, height)


def soft_selection(left, top, width, height, feather=6):
    """A selection with soft edges."""
    found = Selection()
    found.select(left, top, width, height, 255)
    found.feather(feather)
    return found


def facts(document, whole=True):
    """Everything of a document that an edit must leave alone; pixels whole, or their digests."""
    form = (lambda data: bytes(data).hex()) if whole else digest
    bounds = document.bounds()
    area = (bounds.x(), bounds.y(), bounds.width(), bounds.height())
    selection = document.selection()
    return {
        "size": [bounds.width(), bounds.height()],
        "layers": [layer_facts(each, form) for each in document.topLevelNodes()],
        "selection": digest(selection.pixelData(*area)) if selection is not None else "",
        "form": [document.colorModel(), document.colorDepth(), document.colorProfile()],
        "shown": form(document.pixelData(*area)),
    }


def layer_facts(node, form):
    bounds = node.bounds()
    place = [bounds.x(), bounds.y(), bounds.width(), bounds.height()]
    pixels = bytes(node.projectionPixelData(*place)) if bounds.width() else b""
    return {
        "id": node.uniqueId().toString(),
        "name": node.name(),
        "place": place,
        "locked": node.locked(),
        "visible": node.visible(),
        "opacity": node.opacity(),
        "depth": node.colorDepth(),
        "profile": node.colorProfile(),
        "masks": [each.type() for each in node.childNodes()],
        "pixels": form(pixels),
    }
