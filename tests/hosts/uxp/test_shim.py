"""The shim is as strict as it says: each of these panels works in a browser and not in UXP."""

import base64
import json

import numpy as np
import pytest
from photoshop_shim import PLUGIN, Photoshop

pytestmark = [pytest.mark.host, pytest.mark.window]
BEGIN = """
const { app, core, imaging, action, constants } = require("photoshop");
const modal = (act) => core.executeAsModal(act, { commandName: "try" });
const id = () => app.activeDocument.id;
const grey = (more) => imaging.createImageDataFromBuffer(new Uint8Array(4), {
  width: 2, height: 2, components: 1, colorSpace: "Grayscale",
  colorProfile: "Gray Gamma 2.2", ...more });
const rgba = (data, more) => imaging.createImageDataFromBuffer(data, {
  width: 1, height: 1, components: 4, colorSpace: "RGB", ...more });
globalThis.attempt = async () => { %s };
require("uxp").entrypoints.setup({ panels: { retouch: { create() {} } } });
"""
#: What a panel does -> what it is told; empty = an image is left alive.
WRONG = {
    "new EventSource('http://127.0.0.1:7862/x')": "EventSource is not defined",
    "new Worker('x.js')": "Worker is not defined",
    "new TextDecoder()": "TextDecoder is not defined",
    "new SharedArrayBuffer(1)": "SharedArrayBuffer is not defined",
    "indexedDB.open('x')": "indexedDB is not defined",
    "await crypto.subtle.digest('SHA-256', new Uint8Array(1))": "",
    "new OffscreenCanvas(1, 1)": "OffscreenCanvas is not defined",
    "createImageBitmap(new Image())": "createImageBitmap is not defined",
    "document.createElement('canvas').getContext('2d')": "shapes only",
    "document.createElement('input').setAttribute('type', 'file')": "no file input",
    "document.createElement('details')": "UXP has no element <details>",
    "document.body.addEventListener('dragover', () => {})": "no event dragover",
    "document.createElement('label').setAttribute('for', 'x')": "ignores <label for>",
    "await fetch('http://127.0.0.1:1/x')": "Permission denied to the url",
    "new WebSocket('ws://example.com/')": "Permission denied to the url",
    "new WebSocket('ws://127.0.0.1:7862/', [], { headers: {} })": "protocols only",
    "require('fs')": 'require("fs") is not in the shim',
    "app.activeDocument.artLayers": "Document.artLayers is not in Photoshop's types",
    "await app.activeDocument.createLayer('pixel')": "outside of executeAsModal",
    "await imaging.getPixels({ documentID: id() })": "getPixels outside of executeAsModal",
    "await core.executeAsModal(async () => {}, {})": "commandName is missing",
    "await modal(() => modal(async () => {}))": "host is in a modal state",
    "await modal(() => imaging.getPixels({}))": "no documentID",
    "await modal(() => imaging.getPixels({ documentID: id() }))": None,
    "await grey({ width: 3 })": "4 elements, not 6",
    "await grey({ colorSpace: 'RGB' })": "1 components of RGB",
    "await rgba(new Uint16Array([65535, 0, 0, 65535]))": "16 bits beyond 32768",
    "await rgba(new Float32Array(4), { colorProfile: 'a (Linear RGB Profile)' })": "not taken back",
    "await rgba(new Uint8Array(4), { profile: 'x' })": "option profile is not known",
    "const i = await grey(); i.dispose(); await i.getData({})": "disposed of",
    "await modal((c) => c.hostControl.suspendHistory({ documentID: id(), name: 'x' }))": (
        "not resumed"
    ),
    "await modal(() => action.batchPlay([{ _obj: 'delete' }], {}))": "is not in the shim",
    "await modal(() => imaging.getPixels({ documentID: id(), sourceBounds:"
    " { left: 0, top: 0, right: 999, bottom: 9 } }))": "bounds outside of the canvas",
}


@pytest.fixture(scope="session")
def wrong(shim_browser, house, tmp_path_factory):
    """What became of each panel: what was thrown, and the shim's log."""
    folder = tmp_path_factory.mktemp("wrong")
    manifest = (PLUGIN / "manifest.json").read_text()
    (folder / "manifest.json").write_text(manifest)
    (folder / "index.html").write_text('<!doctype html><body><script src="panel.js"></script>')
    found = {}
    cases = ", ".join(f"async () => {{ {each} }}" for each in WRONG)
    (folder / "panel.js").write_text(BEGIN.replace("%s", f"return [{cases}]"))
    photoshop = Photoshop(shim_browser, folder)
    photoshop.open(house)
    for number, each in enumerate(WRONG):
        script = (
            f"async () => {{ const all = await attempt(); return all[{number}]().then(() => '',"
            " (problem) => String(problem.message ?? problem)); }"
        )
        said = photoshop.js(script)
        found[each] = (said, photoshop.shim("log"))
    return found


@pytest.mark.parametrize("what", [each for each, words in WRONG.items() if words])
def test_what_uxp_lacks_or_photoshop_refuses_is_refused(wrong, what):
    said, _ = wrong[what]
    assert WRONG[what] in said


def test_secrets_cannot_be_hashed(wrong):
    said, _ = wrong["await crypto.subtle.digest('SHA-256', new Uint8Array(1))"]
    assert said, "UXP's crypto has random numbers only"


def test_an_image_that_nobody_disposes_of_is_noticed(wrong):
    _, log = wrong["await modal(() => imaging.getPixels({ documentID: id() }))"]
    assert log["living"] > 0


def test_sixteen_bits_are_halved_unless_all_of_them_are_asked_for(shim_browser, wrong):
    script = """async () => {
      const { imaging } = require("photoshop");
      const form = { width: 1, height: 1, components: 4, colorSpace: "RGB" };
      const full = new Uint16Array([65535, 1000, 0, 65535]);
      const image = await imaging.createImageDataFromBuffer(full, { ...form, fullRange: true });
      const found = [await image.getData({}), await image.getData({ fullRange: true })];
      image.dispose();
      return found.map((each) => Array.from(each));
    }"""
    half, full = shim_browser.evaluate(script=script)
    assert half == [32768, 500, 0, 32768] and full == [65535, 1000, 0, 65535]


def test_pixels_are_trimmed_and_the_place_is_said(shim_browser, wrong):
    script = """async (given) => {
      const { core, imaging } = require("photoshop");
      const id = shim.open({ ...given, title: "t", width: 4, height: 4, isBackground: false });
      return core.executeAsModal(async () => {
        const found = await imaging.getPixels({ documentID: id });
        const { components } = found.imageData;
        found.imageData.dispose();
        return [found.sourceBounds, components];
      }, { commandName: "try" });
    }"""
    picture = np.zeros((4, 4, 4), np.uint8)
    picture[1:3, 2:4] = 255
    data = base64.b64encode(picture.tobytes()).decode()
    bounds, components = shim_browser.evaluate(script=script, value={"data": data})
    assert bounds == {"left": 2, "top": 1, "right": 4, "bottom": 3} and components == 4


def test_answers_come_whole_and_have_no_stream(shim_browser, served, plugin):
    photoshop = Photoshop(shim_browser, plugin)
    address = served.client().address
    script = """async (address) => {
      const answer = await fetch(`http://${address}/v1/hello`);
      try { return [answer.body, await answer.json()]; } catch (problem) { return problem.message; }
    }"""
    assert "Response.body is not in Photoshop's types" in photoshop.js(script, address)
    assert json.dumps(photoshop.shim("log")["offences"]).count("Response.body") == 1
