"""Runs the Python kit in a process without any package, as a host does: JSON lines in and out.

``python -I -S kit_driver.py FOLDER`` with the folder that holds ``plugin_kit``. The twin for
JavaScript is ``kit_driver.mjs``.
"""

import json
import sys
import threading
import uuid

sys.path.insert(0, sys.argv[1])

from plugin_kit.client import Retouch, RetouchError
from plugin_kit.edit_request import Choices, Picture, Snapshot, choices_of
from plugin_kit.edit_task import EditTask
from plugin_kit.geometry import Rect
from plugin_kit.panel_form import sentence

LOCK = threading.Lock()
TASKS = {}


def say(found):
    with LOCK:
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def error(problem):
    if problem is None:
        return None
    return {
        "kind": type(problem).__name__,
        "message": sentence(problem),
        "code": getattr(problem, "code", ""),
        "field": getattr(problem, "field_path", ""),
        "stage": getattr(problem, "stage", ""),
    }


def read(path):
    if not path:
        return None
    with open(path, "rb") as file:
        return file.read()


def written(data, folder):
    path = f"{folder}/{uuid.uuid4().hex}"
    with open(path, "wb") as file:
        file.write(data)
    return path


def shown(picture, folder):
    return {
        "path": written(picture.data, folder),
        "width": picture.width,
        "height": picture.height,
        "order": picture.channel_order,
        "type": picture.sample_type,
        "profile": written(picture.profile, folder) if picture.profile else "",
    }


def edit(
    retouch, name, folder, crop, picture, mask="", recipe=None, every=0, side=256, document=""
):
    form = {"profile": read(picture.get("profile"))}
    size = picture["width"], picture["height"], picture["order"], picture["type"]
    held = Picture(read(picture["path"]), *size, **form)
    snapshot = Snapshot(Rect(*crop), held, read(mask), None, document)
    recipe = Choices.of_recipe(recipe)
    chosen = Choices(**{**recipe.__dict__, "preview_every": every, "preview_side": side})

    def result(found):
        about = {
            "variant": found.variant,
            "bounds": list(found.bounds),
            "seed": str(found.seed),
            "mask": written(found.mask, folder),
            "recipe": choices_of(found.effective).to_recipe(),
            "receipt": json.loads(found.receipt)["record"] if found.receipt else "",
        }
        say({"task": name, "result": {**about, **shown(found.picture, folder)}})

    def preview(found):
        about = {"variant": found.variant, "bounds": list(found.bounds)}
        say({"task": name, "preview": {**about, **shown(found.picture, folder)}})

    def end(task):
        about = {"state": task.state, "results": task.results, "job": task.job_id}
        say({"task": name, "end": {**about, "error": error(task.error)}})

    TASKS[name] = EditTask(
        retouch,
        snapshot,
        chosen,
        lambda told: say({"task": name, "progress": told._asdict()}),
        preview,
        result,
        end,
    ).start()
    return {}


def put(retouch, path):
    told = []
    sha256 = retouch.put(read(path), lambda sent, of: told.append([sent, of]))
    return {"sha256": sha256, "told": told}


def do(retouch, asked):
    kind = asked.pop("do")
    if kind == "edit":
        return edit(retouch, **asked)
    if kind == "cancel":
        TASKS[asked["name"]].cancel()
        return {}
    if kind == "put":
        return put(retouch, **asked)
    if kind == "get":
        return {"path": written(retouch.get(asked["sha256"]), asked["folder"])}
    return {"answer": retouch.call(asked["method"], asked["message"])}


def main():
    retouch = None
    for line in sys.stdin:
        asked = json.loads(line)
        number = asked.pop("id")
        try:
            if asked["do"] == "connect":
                del asked["do"]
                retouch = Retouch(**asked)
                found = retouch.hello()
            else:
                found = do(retouch, asked)
        except (RetouchError, ValueError) as problem:
            found = {"error": error(problem)}
        say({"id": number, **found})


main()
