# Runs inside GIMP 3 (python-fu-eval): one long edit, while the test does something to it.
import hashlib
import json
import os

from gi.repository import Gegl, Gimp, Gio

with open(os.path.expanduser("~/given.json")) as file:
    given = json.load(file)


def digest(drawable):
    where = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    data = drawable.get_buffer().get(where, 1.0, None, Gegl.AbyssPolicy.NONE)
    return hashlib.sha256(bytes(data)).hexdigest()


def layers():
    return [[each.get_name(), digest(each)] for each in image.get_layers()]


path = Gio.File.new_for_path(f"{given['folder']}/house.png")
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, path)
image.set_file(Gio.File.new_for_path(f"{given['folder']}/house.xcf"))  # as if opened from there
before = layers()
found = Gimp.get_pdb().lookup_procedure(given["procedure"])
config = found.create_config()
config.set_property("image", image)
config.set_core_object_array("drawables", image.get_layers())
config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
for name, value in given["values"].items():
    config.set_property(name, value)
status = found.run(config).index(0).value_nick
answers = {"status": status, "said": Gimp.get_pdb().get_last_error()}
answers["before"], answers["after"] = before, layers()
with open(f"{given['folder']}/answers.json", "w") as file:
    json.dump(answers, file)
