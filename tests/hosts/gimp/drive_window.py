# Runs inside GIMP 3 with its windows: shows a picture, opens the dialog, and afterwards says what
# the document is like after each key that the test presses.
import json
import os
import time

from gi.repository import Gimp, Gio

with open(os.path.expanduser("~/given.json")) as file:
    given = json.load(file)


def layers():
    return [each.get_name() for each in image.get_layers()]


def tell(name, value):
    with open(f"{given['folder']}/{name}.json", "w") as file:
        json.dump(value, file)


def state():
    return {"layers": layers(), "parasites": sorted(image.get_parasite_list())}


def wait_until_other(before, seconds=8):
    begun = time.monotonic()
    while state() == before and time.monotonic() - begun < seconds:
        time.sleep(0.1)
    return state()


path = Gio.File.new_for_path(f"{given['folder']}/{given['picture']}")
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, path)
if given["selection"]:
    image.select_ellipse(Gimp.ChannelOps.REPLACE, *given["selection"])
    Gimp.Selection.feather(image, given["feather"])
display = Gimp.Display.new(image)
Gimp.displays_flush()
tell("before", state())
found = Gimp.get_pdb().lookup_procedure(given["procedure"])
config = found.create_config()
config.set_property("image", image)
config.set_core_object_array("drawables", image.get_layers())
config.set_property("run-mode", Gimp.RunMode.INTERACTIVE)
status = found.run(config).index(0).value_nick
Gimp.displays_flush()
tell("edited", {"status": status, "said": Gimp.get_pdb().get_last_error(), **state()})
tell("undone", wait_until_other(state()))
tell("redone", wait_until_other(state()))
image.clean_all()
display.delete()
