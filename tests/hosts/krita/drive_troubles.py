"""Edits that go wrong, and Krita that ends meanwhile."""

import drive
from drive import facts, picture_document, wait_until
from drive_maker import told


def errors(maker):
    native = picture_document()
    before = facts(native)
    found = {}
    tries = {
        "blocked": ("restyle", {"prompt": drive.given["blocked"]}, None),
        "number": ("restyle", {"prompt": "a house", "sdedit.strength": 7}, None),
        "empty": ("swap", {"prompt": "a house"}, None),
        "model": ("restyle", {"prompt": "a house", "model": "no-such-model"}, None),
    }
    for name, (mode, values, operations) in tries.items():
        session = maker.end(maker.begin(native, maker.order(native, mode, values, operations)))
        found[name] = [session.state, session.message]
    found["model_kind"] = unsuitable(maker)
    found.update(before=before, after=facts(native))
    native.close()
    return found


def unsuitable(maker):
    from krita import Krita
    from retouch.document import Unsuitable

    made = Krita.instance().createDocument(64, 64, "gray", "GRAYA", "U8", "", 72.0)
    try:
        maker.document(made).capture()
        said = ""
    except Unsuitable as problem:
        said = str(problem)
    made.close()
    try:
        maker.document(made).capture()
    except Unsuitable as problem:
        said += " | " + str(problem)
    return said


def closed(maker):
    """The document is closed in the middle of its edit."""
    native = picture_document()
    order = maker.order(native, "restyle", {"prompt": "a house", "steps": 12})
    session = maker.begin(native, order)
    wait_until(lambda: session.image is not None, what="a preview")
    native.close()
    maker.end(session)
    return told(session)


def interrupted(maker):
    """Krita ends while an edit is at work; the next one fetches its result."""
    import shutil

    from retouch.session import Session

    native = picture_document()
    path = str(drive.HOME / "interrupted.kra")
    native.saveAs(path)
    native.setFileName(path)
    values = {"prompt": "a house", "steps": 8, "seed": 4}
    session = maker.begin(native, maker.order(native, "restyle", values))
    file = drive.HOME / "retouch-edits-at-work.json"
    wait_until(file.exists, what="the edit's name")
    kept = drive.HOME / "kept.json"
    wait_until(lambda: file.read_text() != "[]", what="the edit's name")
    shutil.copy(file, kept)
    maker.end(session)
    found = {"left": file.read_text(), "whole": drive.digest(session.variants[0].content.pixels)}
    native.close()
    shutil.copy(kept, file)  # as it is where Krita is killed

    from krita import Krita

    again = Krita.instance().openDocument(path)
    again.setBatchmode(True)
    document = maker.document(again)
    before = facts(again)
    entry = maker.at_work.of_document("another", document.path)
    session = Session(document, entry["title"], maker.at_work).resume(maker.retouch, entry)
    maker.end(session)
    session.keep()
    again.waitForDone()
    found.update(told(session), before=before, after=facts(again))
    found["fetched"] = drive.digest(session.variants[0].content.pixels)
    found["nothing_left"] = maker.at_work.of_document("another", document.path) is None
    again.close()
    return found
