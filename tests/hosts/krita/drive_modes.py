"""Runs in kritarunner: every mode through the plugin's own session and adapter, no window."""

import json
import time
import traceback

import drive
from drive import document_of, facts, picture_document, soft_selection, wait_until
from drive_maker import Maker, told
from drive_troubles import closed, errors, interrupted

answers = {}


def __main__(_arguments):
    from krita import Krita

    Krita.instance().setBatchmode(True)
    (drive.HOME / "version.json").write_text(f'"{Krita.instance().version()}"')
    try:
        run()
    except BaseException:
        answers["trouble"] = traceback.format_exc()
    drive.answer(answers)


def run():
    from retouch.daemon_connection import find
    from retouch.plugin_kit import panel_form

    retouch = find()
    catalog = retouch.describe()
    modes = {mode.name: mode for mode in panel_form.modes(catalog)}
    maker = Maker(retouch, catalog, modes)
    for name in drive.given["scenes"]:
        began = time.monotonic()
        try:
            answers[name] = SCENES[name](maker)
        except BaseException:
            answers[name] = {"trouble": traceback.format_exc()}
        answers[name]["seconds"] = round(time.monotonic() - began, 2)


def fill(maker):
    native = picture_document()
    selection = soft_selection(34, 30, 60, 64)
    native.setSelection(selection)
    found = maker.edited(native, "fill", prompt="a red house on a meadow", seed=3, steps=10)
    found["mask"] = bytes(selection.pixelData(0, 0, 128, 128)).hex()
    native.close()
    return found


def expand(maker):
    native = picture_document()
    prompt = "a house on a meadow"
    found = maker.edited(native, "expand", sides=(16, 0, 32, 16), prompt=prompt, seed=3, steps=8)
    native.close()
    return found


def restyle(maker):
    native = picture_document()
    values = {"sdedit__strength": 0.5, "seed": 0, "steps": 10}
    found = maker.edited(native, "restyle", prompt="a blue house at night", **values)
    native.close()
    return found


def instruct(maker):
    native = picture_document()
    found = maker.edited(native, "instruct", prompt="make it night", seed=0, steps=10)
    native.close()
    return found


def swap(maker):
    native = picture_document("cat.png")
    source = {"prompt_to_prompt__source_prompt": "a cat on a beach"}
    found = maker.edited(native, "swap", prompt="a cat in the snow", seed=0, steps=10, **source)
    native.close()
    return found


def _with_hidden_layer(name):
    native = picture_document()
    other = picture_document(name)
    rows = other.topLevelNodes()[0].pixelData(0, 0, 128, 128)
    node = native.createNode("look", "paintlayer")
    node.setPixelData(rows, 0, 0, 128, 128)
    node.setVisible(False)
    native.rootNode().addChildNode(node, None)
    native.refreshProjection()
    native.waitForDone()
    other.close()
    return native, node.uniqueId().toString()


def reference(maker):
    from retouch.edit import FileChoice, LayerChoice

    native, layer_id = _with_hidden_layer("rocket.png")
    pictures = [LayerChoice(layer_id), FileChoice(str(drive.HOME / "star.png"))]
    values = {"ip_adapter__images": pictures, "steps": 8}
    found = maker.edited(native, "reference", prompt="a house", seed=0, **values)
    native.close()
    return found


def control(maker):
    from retouch.edit import LayerChoice

    native, layer_id = _with_hidden_layer("cat.png")
    values = {"t2i_adapter__image": LayerChoice(layer_id), "t2i_adapter__kind": "canny"}
    values["steps"] = 8
    found = maker.edited(native, "control", prompt="a cat", seed=0, **values)
    native.close()
    return found


def combine(maker):
    from retouch.edit import LayerChoice, SelectionChoice

    native, layer_id = _with_hidden_layer("cat.png")
    native.setSelection(soft_selection(20, 20, 80, 80))
    values = {
        "sdedit__strength": 0.7,
        "ip_adapter__images": [LayerChoice(layer_id)],
        "ip_adapter__mask": SelectionChoice(),
        "t2i_adapter__kind": "canny",
        "steps": 8,
    }
    names = ["sdedit", "ip_adapter", "t2i_adapter"]
    found = maker.edited(native, "combine", True, names, prompt="a cat", seed=0, **values)
    native.close()
    return found


def variants(maker):
    native = picture_document()
    native.setSelection(soft_selection(34, 30, 60, 64))
    values = {"prompt": "a red house", "variants": 3, "seed": 5, "steps": 4}
    session = maker.end(maker.begin(native, maker.order(native, "fill", values)))
    found = {"layers": [], "shown": []}
    for _ in range(4):
        native.waitForDone()
        found["layers"].append([each.name() for each in native.topLevelNodes()])
        found["shown"].append([session.shown, drive.digest(native.pixelData(0, 0, 128, 128))])
        session.flip(1)
    session.flip(-1)
    session.keep()
    found.update(told(session), locked=native.topLevelNodes()[-1].locked(), after=facts(native))
    native.close()
    return found


def cancel(maker):
    """Of two edits of two documents one is cancelled, in the middle."""
    one, other = picture_document(), picture_document("cat.png")
    before = facts(one)
    values = {"prompt": "a red house", "seed": 5, "steps": 60}
    first = maker.begin(one, maker.order(one, "restyle", values))
    second = maker.begin(other, maker.order(other, "restyle", {**values, "steps": 6}))
    wait_until(lambda: first.image is not None, what="a preview")
    previewed = [each.name() for each in one.topLevelNodes()]
    locked = one.topLevelNodes()[-1].locked()
    began = time.monotonic()
    first.cancel()
    maker.end(first)
    took = time.monotonic() - began
    maker.end(second)
    found = {"took": took, "previewed": previewed, "locked": locked, "first": told(first)}
    found.update(second=told(second), before=before, after=facts(one))
    found["jobs"] = [each.get("state") for each in maker.retouch.jobs(first.document.document_id)]
    one.close()
    other.close()
    return found


def replay(maker):
    """What the history fills in gives the same pixels again."""
    from retouch.history import remembered, words_of

    native = picture_document()
    native.setSelection(soft_selection(34, 30, 60, 64))
    first = maker.edited(native, "fill", prompt="a red house", steps=4)
    path = str(drive.HOME / "replay.kra")
    native.saveAs(path)
    native.close()
    from krita import Krita

    again = Krita.instance().openDocument(path)
    again.setBatchmode(True)
    again.nodeByName(first["after"]["layers"][-1]["name"]).setVisible(False)
    again.setSelection(soft_selection(34, 30, 60, 64))
    again.refreshProjection()
    again.waitForDone()
    entries = maker.document(again).history()
    wanted = remembered(entries[0])
    order = maker.order(again, wanted.mode, wanted.values, wanted.operations)
    session = maker.end(maker.begin(again, order))
    session.keep()
    again.waitForDone()
    found = {"first": first, "entries": entries, "words": words_of(entries[0]), **told(session)}
    found["after"] = facts(again)
    again.close()
    return found


def recipe(maker):
    """A file of `retouch batch` is filled in and made; what was made is saved as such a file."""
    from retouch.history import remembered

    from retouch import recipe_files

    folder = drive.HOME / "recipes"
    folder.mkdir(exist_ok=True)
    (folder / "look.png").write_bytes((drive.HOME / "star.png").read_bytes())
    looks = {"ip_adapter": {"images": ["look.png"], "scale": 0.7}}
    given = {"prompt": "a red house", "seed": 4, "steps": 4}
    text = json.dumps({"recipe": 1, **given, "operations": [looks]})
    (folder / "night.json").write_text(text)
    (folder / "night.yaml").write_text("prompt: a red house")
    (folder / "broken.json").write_text("{")
    (folder / "elsewhere.json").write_text(text.replace("look.png", "gone.png"))

    def filled(name):
        wanted = remembered(recipe_files.read(str(folder / name)))
        fields = list(maker.modes[wanted.mode].fields)
        return wanted, recipe_files.with_files(wanted.values, fields, str(folder))

    native = picture_document()
    native.setSelection(soft_selection(34, 30, 60, 64))
    wanted, values = filled("night.json")
    before = facts(native)
    session = maker.end(
        maker.begin(native, maker.order(native, wanted.mode, values, wanted.operations))
    )
    session.keep()
    native.waitForDone()
    found = {
        "mode": wanted.mode,
        "before": before,
        "after": facts(native),
        **told(session),
        "refused": {},
    }
    for name in ("night.yaml", "broken.json", "elsewhere.json"):
        try:
            filled(name)
        except ValueError as problem:
            found["refused"][name] = str(problem)
    made = maker.edited(native, "restyle", prompt="a blue house", seed=9, steps=3)
    entries = maker.document(native).history()
    recipe_files.write(str(folder / "saved.json"), entries[0])
    found["saved"] = json.loads((folder / "saved.json").read_text())
    found["read_again"] = filled("saved.json")[0].values["prompt"]
    recipe_files.write(str(folder / "looks.json"), entries[1])
    found["looks"] = json.loads((folder / "looks.json").read_text())
    try:
        recipe_files.write(str(folder / "looks.json"), {**entries[1], "files": {}})
    except ValueError as problem:
        found["refused"]["layers"] = str(problem)
    found["made"] = made["state"]
    native.close()
    return found


def _deep(maker, depth, profile, pixels):
    native = document_of(pixels, 192, 128, depth, profile)
    native.setSelection(soft_selection(60, 40, 64, 48))
    values = {"prompt": "a soft gradient", "seed": 1, "sdedit__strength": 0.1}
    before = facts(native)
    values = {name.replace("__", "."): value for name, value in values.items()}
    session = maker.end(maker.begin(native, maker.order(native, "restyle", values)))
    session.keep()
    native.waitForDone()
    sent = session.variants[0].result
    found = {**told(session), "before": before, "after": facts(native)}
    found.update(sent=sent.picture.data.hex(), sent_type=sent.picture.sample_type)
    native.close()
    return found


def deep(maker):
    """A gradient at every depth; strength 0 gives it back through the whole way."""
    rows = drive.HOME / "ramps"
    found = {}
    for name, depth, profile in drive.given["ramps"]:
        pixels = (rows / f"{name}.raw").read_bytes()
        found[name] = _deep(maker, depth, profile, pixels)
    return found


SCENES = {
    each.__name__: each
    for each in (
        *(fill, expand, restyle, instruct, swap, reference, control, combine),
        *(variants, cancel, replay, recipe, interrupted, errors, closed, deep),
    )
}
