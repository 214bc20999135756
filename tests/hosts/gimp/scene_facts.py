"""Inside GIMP 3: procedures called as a batch script does, and what a document is like."""

import hashlib
import json
import os
import time

import gi

gi.require_version("Babl", "0.1")
from gi.repository import Babl, Gegl, Gimp, Gio  # noqa: E402

NONE = Gegl.AbyssPolicy.NONE
PDB = Gimp.get_pdb()
with open(os.path.expanduser("~/given.json")) as file:
    given = json.load(file)


def bytes_of(drawable, name=None):
    name = name or Babl.get_name(drawable.get_format())
    where = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    return bytes(drawable.get_buffer().get(where, 1.0, name, NONE))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def seen(image):
    layer = Gimp.Layer.new_from_visible(image, image, "seen")
    found = bytes_of(layer)
    layer.delete()
    return found


def opened(name):
    path = f"{given['folder']}/{name}"
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))


def call(procedure, image, **values):
    found = PDB.lookup_procedure(procedure)
    config = found.create_config()
    config.set_property("image", image)
    config.set_core_object_array("drawables", image.get_selected_layers())
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    if found.find_argument("steps") is not None:
        values = {"steps": 4, **values}
    for key, value in values.items():
        config.set_property(key.replace("_", "-"), value)
    begun = time.monotonic()
    given_back = found.run(config)
    status = given_back.index(0).value_nick
    fine = status == "success"
    return {
        "status": status,
        "said": "" if fine else PDB.get_last_error(),
        "seconds": round(time.monotonic() - begun, 2),
        "layer": given_back.index(1) if fine else None,
        "seeds": given_back.index(2) if fine else "",
        "receipts": given_back.index(3) if fine else "",
    }


def document(image):
    """Everything of a document that an edit must leave alone."""
    selection = image.get_selection()
    return {
        "layers": [[each.get_name(), digest(bytes_of(each))] for each in image.get_layers()],
        "channels": [each.get_name() for each in image.get_channels()],
        "selection": digest(bytes_of(selection, "Y u8")),
        "selected": [each.get_name() for each in image.get_selected_layers()],
        "size": [image.get_width(), image.get_height()],
        "precision": image.get_precision().value_nick,
        "profile": digest(bytes(image.get_effective_color_profile().get_icc_profile())),
        "parasites": sorted(image.get_parasite_list()),
    }


def layer_facts(layer):
    mask = layer.get_mask()
    parasite = layer.get_parasite("retouch-provenance")
    _, left, top = layer.get_offsets()
    return {
        "name": layer.get_name(),
        "offsets": [left, top],
        "size": [layer.get_width(), layer.get_height()],
        "mode": layer.get_mode().value_nick,
        "visible": layer.get_visible(),
        "mask": bytes_of(mask, "Y u8").hex() if mask is not None else "",
        "pixels": bytes_of(layer).hex(),
        "format": Babl.get_name(layer.get_format()),
        "provenance": json.loads(bytes(parasite.get_data())) if parasite is not None else None,
    }


def selected(image, feather=10):
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 34, 30, 60, 64)
    if feather:
        Gimp.Selection.feather(image, feather)


def edited(procedure, image, **values):
    """One edit, with the document before and after it."""
    before, shown_before = document(image), seen(image)
    mask = bytes_of(image.get_selection(), "Y u8").hex()
    found = call(procedure, image, **values)
    layer = found.pop("layer")
    after = document(image)
    return {
        **found,
        "before": before,
        "after": after,
        "selection": mask,
        "shown_before": shown_before.hex(),
        "shown_after": seen(image).hex(),
        "new": layer_facts(layer) if layer is not None and not layer.is_group() else None,
        "children": [layer_facts(each) for each in layer.get_children()]
        if layer is not None and layer.is_group()
        else [],
        "undo": image.undo_is_enabled(),
    }
