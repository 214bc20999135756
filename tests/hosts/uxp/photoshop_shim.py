"""The panel in a real Chromium with a strict shim of Photoshop, and documents to edit in it."""

import base64
import http.client
import json
import shutil
import time
from pathlib import Path

import numpy as np
from chromium import ROOT

HOST = "Photoshop (shim)"
PLUGIN = ROOT / "host_bridge/photoshop_plugin/plugin"
DRIVER = Path(__file__).with_name("browser.mjs")
#: Depth -> samples as Photoshop keeps them, and what is 1.0 of them.
KEPT = {8: (np.uint8, 255), 16: (np.uint16, 32768), 32: (np.float32, 1)}
EMPTY = {"Content-Length": "0"}


def ask(served, method, path):
    """What a daemon's gateway answers its owner."""
    connection = http.client.HTTPConnection(served.client().address, timeout=30)
    token = (served.folder / "token").read_text().strip()
    connection.request(method, path, headers={"Authorization": f"Bearer {token}", **EMPTY})
    found = json.loads(connection.getresponse().read())
    connection.close()
    return found


def wait_until_ready(served, timeout=240):
    """Wait until edits can run; a machine may be busy with other things."""
    ends = time.monotonic() + timeout
    while ask(served, "GET", "/status.json")["state"] != "serving":
        assert time.monotonic() < ends, "the daemon is not ready"
        time.sleep(0.2)


def plugin_for(address, folder):
    """The plugin as `retouch install photoshop` makes it for a gateway that listens there."""
    shutil.copytree(PLUGIN, folder)
    port = address.rpartition(":")[2]
    for name in ("manifest.json", "daemon_address.js"):
        file = folder / name
        file.write_text(file.read_text().replace("7862", port))
    return folder


class Photoshop:
    """Photoshop with the panel, as a person uses it."""

    def __init__(self, browser, folder, **look):
        self.browser = browser
        browser.said()
        browser.open(folder=str(folder), **look)

    def js(self, script, value=None):
        return self.browser.evaluate(script=script, value=value)

    def wait(self, script, value=None, timeout=120):
        self.browser.wait(script=script, value=value, timeout=timeout * 1000)

    def shim(self, command, /, **given):
        return self.js(f"(given) => shim.{command}(given)", given)

    # what a person sees
    def text(self, selector):
        return self.js("(s) => document.querySelector(s)?.textContent ?? ''", selector)

    def message(self):
        return self.text(".outcome .message")

    def shows(self, selector):
        script = "(s) => Boolean(document.querySelector(s)?.offsetParent)"
        return self.js(script, selector)

    def wait_for(self, selector, timeout=120):
        script = "(s) => [...document.querySelectorAll(s)].some((each) => each.offsetParent)"
        self.wait(script, selector, timeout)

    def image(self):
        return self.js("() => document.querySelector('.picture').src ?? ''")

    # what a person does in the panel
    def click(self, selector):
        self.browser.click(selector=selector)

    def mode(self, title):
        self.browser.select(selector=".mode select", label=title)

    def fill(self, key, value):
        """Write into a field of the form; those below "More options" are shown first."""
        place = f"[data-key='{key}']"
        if not self.shows(place):
            self.click(".more")
        name = f"{place} textarea" if self.js(HAS, f"{place} sp-textarea") else f"{place} input"
        if self.js(HAS, f"{place} sp-slider"):
            name = f"{place} sp-textfield input"
        self.browser.fill(selector=name, text=str(value))

    def choose(self, key, label):
        self.browser.select(selector=f"[data-key='{key}'] select", label=label)

    def operation(self, name):
        self.click(f"[data-operation={name}] input")

    def settings(self, *, variants=1, seed=7, steps=4):
        self.fill("variants", variants)
        self.fill("seed", seed)
        self.fill("steps", steps)

    def generate(self, *, wait=True):
        self.click(".generate")
        return self.finished() if wait else ""

    def finished(self, timeout=180):
        """Wait until nothing is at work; return what is said."""
        self.wait_for(".generate", timeout)
        self.wait(SETTLED, timeout=30)
        return self.message()

    def painting(self):
        """Wait until steps are done."""
        self.wait(
            "() => /Painting, [1-9]/.test(document.querySelector('.progress-words').textContent)"
        )

    def pair(self, code):
        self.wait_for(".pairing", 30)
        self.browser.fill(selector=".code input", text=code)
        self.click(".pair-button")
        self.wait_for(".editing", 30)

    # documents
    def open(self, picture, *, bits=8, alpha=False, **given):
        """Open a document of (height, width, 3 or 4) samples as Photoshop keeps them."""
        height, width, channels = picture.shape
        kind, white = KEPT[bits]
        rgba = np.full((height, width, 4), white, kind)
        rgba[..., :channels] = picture
        more = {"title": "house.psd", "path": "/home/me/house.psd"} | given
        data = base64.b64encode(rgba.tobytes()).decode()
        return Document(
            self,
            self.shim(
                "open",
                **more,
                width=width,
                height=height,
                bits=bits,
                isBackground=not alpha,
                data=data,
            ),
        )


HAS = "(s) => document.querySelector(s) !== null"
#: A result that came is in the document, or waits for the person.
SETTLED = "() => !/^(Cancelling|)$/.test(document.querySelector('.outcome .message').textContent)"


class Document:
    """A document in the shim."""

    def __init__(self, photoshop, document_id):
        self.photoshop, self.id = photoshop, document_id

    def do(self, command, /, **given):
        return self.photoshop.shim(command, documentId=self.id, **given)

    def state(self):
        """All of it; pixels as arrays of (height, width, 4), masks of (height, width)."""
        found = self.do("state")
        kind, _ = KEPT[found["bits"]]
        for layer in found["layers"]:
            layer["pixels"] = _part(layer["pixels"], kind, 4)
            layer["mask"] = _part(layer["mask"], np.uint8, 1)
        raw = np.frombuffer(base64.b64decode(found["shown"]), kind)
        found["shown"] = raw.reshape(found["height"], found["width"], 4)
        return found

    def shown(self):
        return self.state()["shown"]

    def select(self, mask):
        """Select softly: an array of the document's size, of bytes."""
        rows, columns = np.nonzero(mask)
        y, x = rows.min(), columns.min()
        part = np.ascontiguousarray(mask[y : rows.max() + 1, x : columns.max() + 1])
        self.do(
            "select",
            x=int(x),
            y=int(y),
            width=part.shape[1],
            height=part.shape[0],
            data=base64.b64encode(part.tobytes()).decode(),
        )

    def add_layer(self, name, picture, x=0, y=0):
        height, width, _ = picture.shape
        rgba = np.full((height, width, 4), 255, np.uint8)
        rgba[..., :3] = picture
        data = base64.b64encode(rgba.tobytes()).decode()
        return self.do("addLayer", name=name, data=data, x=x, y=y, width=width, height=height)


def _part(part, kind, channels):
    if not part or not part.get("data"):
        return part
    samples = np.frombuffer(base64.b64decode(part["data"]), kind)
    shape = (part["height"], part["width"], channels)
    return part | {"data": samples.reshape(shape if channels > 1 else shape[:2])}
