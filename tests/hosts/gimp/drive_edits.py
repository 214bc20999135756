# Runs inside GIMP 3 (python-fu-eval): every mode through GIMP's procedure database. What it finds
# goes to answers.json; the tests look at that.
import json
import os
import sys
import traceback

sys.path.insert(0, os.path.expanduser("~"))

from gi.repository import Babl, Gegl, Gimp, Gio
from scene_facts import (
    PDB,
    bytes_of,
    call,
    document,
    edited,
    given,
    opened,
    selected,
)

answers = {}


def fill():
    image = opened("house.png")
    selected(image)
    found = edited("retouch-fill", image, prompt="a red house on a meadow", seed=3)
    image.delete()
    return found


def expand():
    image = opened("house.png")
    values = {"expand_right": 32, "expand_bottom": 16, "expand_overlap": 8}
    found = edited("retouch-expand", image, prompt="a house on a meadow", seed=3, **values)
    image.delete()
    return found


def restyle():
    image = opened("house.png")
    found = edited("retouch-restyle", image, prompt="a blue house at night", sdedit_strength=0.5)
    image.delete()
    return found


def restyle_layer():
    """The selected layer alone, below another one: the result goes between the two."""
    image = opened("house.png")
    above = Gimp.Layer.new(image, "above", 128, 128, Gimp.ImageType.RGBA_IMAGE, 50.0, 28)
    image.insert_layer(above, None, 0)
    image.set_selected_layers([image.get_layers()[1]])
    found = edited("retouch-restyle", image, prompt="a blue house", source="layer")
    found["order"] = [each.get_name() for each in image.get_layers()]
    image.delete()
    return found


def cut_out():
    """A layer that hangs over the canvas and is transparent in its middle keeps its shape."""
    image = opened("house.png")
    layer = Gimp.Layer.new(image, "cut", 96, 96, Gimp.ImageType.RGBA_IMAGE, 100.0, 28)
    rows = bytearray()
    for y in range(96):
        for x in range(96):
            inside = 30 <= x < 60 and 30 <= y < 60
            rows += bytes((x * 2, y * 2, 120, 0 if inside else 255))
    where = Gegl.Rectangle.new(0, 0, 96, 96)
    layer.get_buffer().set(where, Babl.get_name(layer.get_format()), bytes(rows))
    layer.set_offsets(-20, 50)
    image.insert_layer(layer, None, 0)
    image.set_selected_layers([layer])
    found = edited("retouch-restyle", image, prompt="a cat", source="layer")
    image.delete()
    return found


def instruct():
    image = opened("house.png")
    found = edited("retouch-instruct", image, prompt="make it night", seed=0)
    image.delete()
    return found


def swap():
    image = opened("cat.png")
    words = {"prompt_to_prompt_source_prompt": "a cat on a beach"}
    found = edited("retouch-swap", image, prompt="a cat in the snow", seed=0, **words)
    image.delete()
    return found


def reference():
    image, other = opened("house.png"), opened("rocket.png")
    pictures = {"ip_adapter_images": other.get_layers()[0]}
    found = edited("retouch-reference", image, prompt="a house", seed=0, **pictures)
    image.delete()
    other.delete()
    return found


def control():
    image, other = opened("house.png"), opened("star.png")
    values = {"t2i_adapter_kind": "canny", "t2i_adapter_image": other.get_layers()[0]}
    found = edited("retouch-control", image, prompt="a red star", seed=0, **values)
    image.delete()
    other.delete()
    return found


def combine():
    """Several operations in one edit, and one operation by its own procedure."""
    image, other = opened("house.png"), opened("rocket.png")
    selected(image)
    values = {
        "operations": "sdedit, ip_adapter, t2i_adapter",
        "sdedit_strength": 0.7,
        "ip_adapter_images": other.get_layers()[0],
        "t2i_adapter_kind": "canny",
    }
    found = edited("retouch-combine", image, prompt="a house in space", seed=1, **values)
    alone = call("retouch-operation-sdedit", image, prompt="a house", sdedit_strength=0.4)
    found["alone"] = [alone["status"], alone["said"]]
    image.delete()
    other.delete()
    return found


def variants():
    image = opened("house.png")
    selected(image)
    found = edited("retouch-fill", image, prompt="a tree", seed=5, variants=3)
    image.delete()
    return found


def replay():
    """The newest edit of the history again: the same picture; kept in the document's file."""
    image = opened("house.png")
    selected(image)
    first = call("retouch-fill", image, prompt="a red house", seed=11)
    made = bytes_of(first["layer"])
    first["layer"].set_visible(False)
    again = call("retouch-replay", image, index=0)
    again["layer"].set_visible(False)
    other = call("retouch-replay", image, index=0, seed=12)
    path = Gio.File.new_for_path(f"{given['folder']}/kept.xcf")
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, path, None)
    later = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, path)
    history = json.loads(bytes(later.get_parasite("retouch-history").get_data()))
    later.delete()
    found = {
        "status": [first["status"], again["status"], other["status"]],
        "said": again["said"] + other["said"],
        "history": history,
        "first": made.hex(),
        "again": bytes_of(again["layer"]).hex() if again["layer"] else "",
        "other": bytes_of(other["layer"]).hex() if other["layer"] else "",
        "seeds": [first["seeds"], again["seeds"], other["seeds"]],
    }
    recipe = json.dumps(history[-1]["recipe"])
    by_recipe = call("retouch-recipe", image, recipe=recipe)
    found["recipe"] = [by_recipe["status"], by_recipe["said"]]
    image.delete()
    return found


def errors():
    image = opened("house.png")
    before = document(image)
    told = {
        "blocked": call("retouch-restyle", image, prompt=given["blocked"]),
        "unknown": call("retouch-restyle", image, prompt="a house", model="no-such-model"),
        "empty": call("retouch-swap", image, prompt="a cat"),
        "sides": call("retouch-expand", image, prompt="a house"),
        "recipe": call("retouch-recipe", image, recipe="{"),
        "replay": call("retouch-replay", image, index=7),
    }
    found = {"told": {name: [each["status"], each["said"]] for name, each in told.items()}}
    found["before"], found["after"] = before, document(image)
    indexed = opened("house.png")
    indexed.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.MONO, 2, 0, 0, "")
    refused = PDB.lookup_procedure("retouch-restyle").create_config()
    refused.set_property("image", indexed)
    refused.set_core_object_array("drawables", indexed.get_layers())
    refused.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    status = PDB.lookup_procedure("retouch-restyle").run(refused).index(0).value_nick
    found["indexed"] = [status, PDB.get_last_error()]
    image.delete()
    indexed.delete()
    return found


def new_operation():
    """A daemon has another operation: it is kept, and GIMP will have a procedure for it."""
    sys.path.insert(0, f"{given['folder']}/gimp/plug-ins/retouch")
    import catalogue_file
    import procedures

    old = catalogue_file.kept()
    amount = {"name": "amount", "type": "PARAMETER_TYPE_NUMBER", "minimum": 0, "maximum": 2}
    tint = {
        "name": "acme_tint",
        "summary": "Tints.",
        "parameters": [amount],
        "providedBy": "acme 1",
    }
    new = {**old, "operations": [*old["operations"], tint], "models": []}
    kept = [catalogue_file.keep(new), catalogue_file.keep(new)]
    offered = procedures.offered(catalogue_file.kept())
    combine = [field.key for field in offered["retouch-combine"].fields]
    catalogue_file.keep(old)
    return {
        "status": "success",
        "kept": kept,
        "offered": [each for each in offered if "acme" in each],
        "combine": [key for key in combine if "acme" in key],
        "registered": sorted(name for name in offered if PDB.lookup_procedure(name) is not None),
        "known": sorted(procedures.offered(old)),
    }


def deep(precision, profile):
    """A gradient of many levels, edited softly: how many of its bits are kept."""
    image = Gimp.Image.new_with_precision(192, 128, Gimp.ImageBaseType.RGB, precision)
    if profile is not None:
        image.set_color_profile(profile)
    layer = Gimp.Layer.new(image, "ramp", 192, 128, Gimp.ImageType.RGB_IMAGE, 100.0, 28)
    image.insert_layer(layer, None, 0)
    with open(f"{given['folder']}/ramp-{precision.value_nick}.raw", "rb") as file:
        rows = file.read()
    name = Babl.get_name(layer.get_format())
    layer.get_buffer().set(Gegl.Rectangle.new(0, 0, 192, 128), name, rows)
    layer.update(0, 0, 192, 128)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 60, 30, 70, 60)
    Gimp.Selection.feather(image, 8)
    values = {"prompt": "a soft gradient", "sdedit_strength": 0.1, "steps": 10, "seed": 1}
    found = edited("retouch-restyle", image, **values)
    found["source"] = bytes_of(layer).hex()
    image.delete()
    return found


def deep_16():
    return deep(Gimp.Precision.U16_NON_LINEAR, Gimp.ColorProfile.new_rgb_adobe())


def deep_16_srgb():
    return deep(Gimp.Precision.U16_NON_LINEAR, None)


def deep_float():
    return deep(Gimp.Precision.FLOAT_LINEAR, None)


for name in given["scenes"]:
    try:
        answers[name] = globals()[name]()
    except Exception:
        answers[name] = {"status": "raised", "said": traceback.format_exc()}
    with open(f"{given['folder']}/answers.json", "w") as file:
        json.dump(answers, file)
