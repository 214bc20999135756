"""Runs in Krita itself: the docker is clicked as a person clicks it.

Scenes are generators that yield the seconds to wait for: Krita brings its layers docker up to date
from its own event loop only, not from one inside a script.
"""

import time
import traceback

import drive
from drive import HOME, facts, picture_document, soft_selection
from drive_panel import (
    app,
    arrange,
    choose,
    click,
    message,
    names,
    settled,
    shoot,
    shown,
    undo_words,
    until,
    widget,
)

answers = {}


def fill():
    """Click, progress, a preview on a locked layer, variants, keep, undo, redo."""
    document = picture_document("house.png", 512, 512)
    yield from shown(document)
    document.setSelection(soft_selection(130, 110, 250, 260, 12))
    yield 0.5
    before, undo_before = facts(document, whole=False), undo_words()
    choose("fill", prompt="a red house on a meadow", variants=2, seed=7, steps=12)
    widget("retouch_more").setChecked(False)
    began = time.monotonic()
    click("retouch_generate")
    returned = time.monotonic() - began
    found = {"click_seconds": returned, "undo_before": undo_before, "before": before}
    progress, words = set(), []
    while not settled():
        yield 0.02
        bar = widget("retouch_progress")
        if bar.isVisible():
            progress.add(bar.value())
        if message() and message() not in words:
            words.append(message())
        if len(names(document)) > len(before["layers"]) and "preview_seconds" not in found:
            found["preview_seconds"] = time.monotonic() - began
            found["preview_locked"] = document.topLevelNodes()[-1].locked()
            found["preview_shot"] = yield from shoot("preview")
            found["preview_active"] = document.activeNode().name()
    found.update(progress=sorted(progress), words=words, place=widget("retouch_place").text())
    first = drive.digest(document.pixelData(0, 0, 512, 512))
    click("retouch_next")
    document.waitForDone()
    found["flipped"] = drive.digest(document.pixelData(0, 0, 512, 512)) != first
    found["result_shot"] = yield from shoot("result")
    click("retouch_keep")
    found.update(undo_kept=undo_words(), kept=names(document), after=facts(document, whole=False))
    app.action("edit_undo").trigger()
    yield 0.5
    found.update(undone=facts(document, whole=False), undo_undone=undo_words())
    app.action("edit_redo").trigger()
    yield 0.5
    found["redone"] = facts(document, whole=False)
    found["history"] = widget("retouch_history").count()
    return found


def cancel():
    """A cancelled edit leaves no trace, in the undo history neither."""
    document = picture_document("cat.png", 384, 384)
    yield from shown(document)
    before, undo_before = facts(document, whole=False), undo_words()
    choose("restyle", prompt="a cat in the snow", steps=80)
    click("retouch_generate")
    yield from until(lambda: len(names(document)) > 1, 60, "a preview")
    click("retouch_cancel")
    yield from until(settled, 30, "the end")
    yield 0.5
    return {
        **{"before": before, "after": facts(document, whole=False), "message": message()},
        **{"undo_before": undo_before, "undo_after": undo_words()},
        "redo": app.action("edit_redo").isEnabled(),
    }


def paint_between():
    """The person adds a layer while the edit is at work; cancelling takes only ours."""
    document = picture_document("cat.png", 256, 256)
    yield from shown(document)
    choose("restyle", prompt="a cat in the snow", steps=80)
    click("retouch_generate")
    yield from until(lambda: len(names(document)) > 1, 60, "a preview")
    app.action("add_new_paint_layer").trigger()
    yield 0.5
    click("retouch_cancel")
    yield from until(settled, 30, "the end")
    yield 0.5
    return {"names": names(document)}


def expand():
    document = picture_document("house.png", 256, 256)
    yield from shown(document)
    before = facts(document, whole=False)
    choose("expand", prompt="a house on a meadow", expand__right=64, expand__left=32, steps=6)
    click("retouch_generate")
    yield from until(settled, 90, "the end")
    click("retouch_keep")
    yield 0.4
    found = {
        "before": before,
        "after": facts(document, whole=False),
        "message": message(),
        "undos": 0,
    }
    while facts(document, whole=False) != before and found["undos"] < 5:
        app.action("edit_undo").trigger()
        yield 0.4
        found["undos"] += 1
    found["undone"] = facts(document, whole=False)
    return found


def restyle_layer():
    """Nothing is selected: the active layer is meant, as far as it lies on the canvas."""
    document = picture_document("house.png", 256, 256)
    above = document.createNode("above", "paintlayer")
    above.setPixelData(drive.QByteArray(b"\x20\x40\x90\xff" * (160 * 160)), 176, 120, 160, 160)
    yield from shown(document)
    document.rootNode().addChildNode(above, None)
    yield 0.3
    document.setActiveNode(above)
    yield 0.3
    before = facts(document, whole=False)
    choose("restyle", prompt="a blue house", steps=6)
    click("retouch_generate")
    yield from until(settled, 90, "the end")
    click("retouch_keep")
    yield 0.4
    return {
        "before": before,
        "after": facts(document, whole=False),
        "active": document.activeNode().name(),
    }


def discard():
    document = picture_document("house.png", 256, 256)
    yield from shown(document)
    before = facts(document, whole=False)
    choose("expand", prompt="a house on a meadow", expand__right=64, steps=6)
    click("retouch_generate")
    yield from until(settled, 90, "the end")
    click("retouch_discard")
    yield 0.4
    return {"before": before, "after": facts(document, whole=False), "undo_after": undo_words()}


def again():
    """The history runs an edit again; another document has a history of its own."""
    document = picture_document("house.png", 256, 256)
    yield from shown(document)
    choose("restyle", prompt="a blue house", steps=4)
    empty = widget("retouch_history").count()
    click("retouch_generate")
    yield from until(settled, 90, "the end")
    first = widget("retouch_panel")._session().variants[0].result
    click("retouch_discard")
    # The end can be told while Krita is adding the layer: it is taken out right after that.
    yield from until(lambda: len(names(document)) == 1, 5, "the layer's end")
    widget("retouch_history").setCurrentRow(0)
    click("retouch_again")
    yield from until(settled, 90, "the end")
    session = widget("retouch_panel")._session()
    one, other = first.picture.data, session.variants[0].result.picture.data
    apart = sum(abs(one[i] - other[i]) for i in range(len(one))) / len(one)
    return {
        "empty": empty,
        "apart": apart,
        "history": widget("retouch_history").count(),
        "message": message(),
    }


def blocked():
    document = picture_document("house.png", 256, 256)
    yield from shown(document)
    before = facts(document, whole=False)
    choose("restyle", prompt=drive.given["blocked"])
    click("retouch_generate")
    yield from until(settled, 30, "the end")
    return {"before": before, "after": facts(document, whole=False), "message": message()}


def actions():
    wanted = ("generate", "cancel", "next", "previous", "keep")
    document = picture_document("house.png", 256, 256)
    yield from shown(document)
    choose("restyle", prompt="a blue house", steps=4)
    app.action("retouch_action_generate").trigger()
    running = not settled()
    yield from until(settled, 90, "the end")
    app.action("retouch_action_keep").trigger()
    yield 0.3
    texts = [app.action("retouch_action_" + name).text() for name in wanted]
    return {"texts": texts, "running": running, "names": names(document)}


def ask(what):
    """Ask the test outside for something, and wait until it is done."""
    (HOME / "asked").write_text(what)
    yield from until(lambda: not (HOME / "asked").exists(), 90, what)


def daemon_away():
    """The daemon is killed in the middle and comes back: the edit goes on."""
    document = picture_document("house.png", 256, 256)
    yield from shown(document)
    choose("restyle", prompt="a blue house", steps=30)
    click("retouch_generate")
    yield from until(lambda: len(names(document)) > 1, 60, "a preview")
    began = time.monotonic()
    yield from ask("kill")
    yield 1.0
    away = message()
    yield from ask("start")
    yield from until(settled, 120, "the end")
    click("retouch_keep")
    seconds = time.monotonic() - began
    yield 0.5  # Krita 5.1 crashes where a document is closed in the moment a layer is renamed
    return {"names": names(document), "away": away, "seconds": seconds, "message": message()}


SCENES = {
    each.__name__: each
    for each in (
        *(
            fill,
            cancel,
            paint_between,
            expand,
            restyle_layer,
            discard,
            again,
            blocked,
            actions,
            daemon_away,
        ),
    )
}


def everything():
    yield from arrange()
    for name in drive.given["scenes"]:
        print("scene", name, flush=True)
        try:
            answers[name] = yield from SCENES[name]()
        except Exception:
            trouble = traceback.format_exc()
            shot = yield from shoot("trouble-" + name)
            answers[name] = {"trouble": trouble, "shot": shot}
        for document in app.documents():
            document.setModified(False)
            document.close()
        yield 0.3
        drive.answer(answers)


if __name__ == "__main__":
    drive.play(everything())
