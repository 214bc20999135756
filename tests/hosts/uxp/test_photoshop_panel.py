"""The files that UXP loads: what their sources make, what UXP can read; and how they are used."""

import hashlib
import json
import re
import subprocess

import pytest
from chromium import ROOT
from photoshop_shim import PLUGIN

SOURCES = ROOT / "host_bridge"
FOLDER = SOURCES / "photoshop_plugin"
REBUILD = "panel.js is stale: run `npm ci && npm run build` in host_bridge/photoshop_plugin"
MODULES = FOLDER / "node_modules"
ABSENT = "its packages are absent: npm ci --prefix host_bridge/photoshop_plugin"


def test_the_script_is_what_its_sources_make():
    known = json.loads((PLUGIN / "built-from.json").read_text())["sources"]
    files = {str(each.relative_to(SOURCES)) for each in (FOLDER / "src").rglob("*.ts")}
    files -= {each for each in files if each.endswith(("uxp.d.ts", "kit_types.ts"))}  # types alone
    assert {each for each in known if each.startswith("photoshop_plugin/")} == files, REBUILD
    digest = {name: hashlib.sha256((SOURCES / name).read_bytes()).hexdigest() for name in known}
    assert digest == known, REBUILD
    assert "javascript_kit/edit_task.js" in known


@pytest.mark.host
def test_building_again_gives_the_same_files(tmp_path):
    if not MODULES.is_dir():
        pytest.skip(ABSENT)
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=FOLDER, check=True)
    for name in ("panel.js", "built-from.json"):
        assert (tmp_path / name).read_bytes() == (PLUGIN / name).read_bytes(), REBUILD


@pytest.mark.host
def test_the_allowed_names_are_those_of_adobes_types(tmp_path):
    if not MODULES.is_dir():
        pytest.skip(ABSENT)
    here = ROOT / "tests/hosts/uxp"
    made = tmp_path / "names.json"
    subprocess.run(["node", str(here / "write_allowed_globals.mjs"), str(made)], check=True)
    names = json.loads((here / "allowed_globals.json").read_text())
    forbidden = {
        *("EventSource", "Worker", "SharedArrayBuffer", "TextDecoder", "indexedDB"),
        *("BroadcastChannel", "createImageBitmap", "OffscreenCanvas", "MutationObserver"),
    }
    assert not forbidden & set(names)
    # node's own language may be newer than the committed one
    assert set(names) <= set(json.loads(made.read_text())) | {"Iterator", "Float16Array"}


def test_the_manifest_asks_for_no_more_than_it_needs():
    manifest = json.loads((PLUGIN / "manifest.json").read_text())
    assert manifest["manifestVersion"] == 5
    assert manifest["host"] == {"app": "PS", "minVersion": "24.4.0"}
    needed = manifest["requiredPermissions"]
    assert set(needed) == {"localFileSystem", "network"}
    assert needed["localFileSystem"] == "request", "files that the person chooses"
    hosts = {re.sub(r"^(http|ws)://", "", each) for each in needed["network"]["domains"]}
    assert hosts == {"127.0.0.1:7862", "localhost:7862"}
    icons = [each for point in manifest["entrypoints"] for each in point["icons"]]
    for icon in [*icons, *manifest["icons"]]:
        assert (PLUGIN / icon["path"]).exists()
        assert (PLUGIN / icon["path"].replace(".png", "@2x.png")).exists()


def test_the_style_is_what_uxp_can_read():
    css = re.sub(r"/\*.*?\*/", "", (PLUGIN / "panel.css").read_text(), flags=re.DOTALL)
    beyond = r"grid|gap|transition|animation|float|object-fit|@import|@font-face|@keyframes|:has\("
    assert not re.findall(rf"(?m)^\s*(?:{beyond})\S*", css)
    assert "url(" not in css


def test_the_page_loads_its_own_files_only():
    page = (PLUGIN / "index.html").read_text()
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert linked == ["panel.css", "daemon_address.js", "panel.js"]
    assert "type=" not in page.replace('type="text', ""), "UXP has no modules"
    script = (PLUGIN / "panel.js").read_text()
    assert set(re.findall(r'require\("([^"]+)"\)', script)) == {"photoshop", "uxp"}
    assert not re.search(r"\beval\(|new Function|\bimport\(|https?://(?!\$)", script)


NAMELESS = """() => [...document.querySelectorAll(
  "sp-textfield, sp-textarea, sp-slider, sp-picker, sp-button, sp-action-button, sp-checkbox")]
  .filter((each) => each.offsetParent)
  .filter((each) => !each.getAttribute("aria-label") && !each.textContent.trim())
  .map((each) => each.outerHTML)"""
FOCUSED = """() => {
  let found = document.activeElement;
  return found.closest?.("[data-key]")?.dataset.key ?? found.className;
}"""


@pytest.mark.host
@pytest.mark.window
def test_it_is_drawn_from_the_catalogue_and_everything_has_a_name(photoshop, served):
    photoshop.mode("Combine")
    operations = [each["name"] for each in served.client().describe()["operations"]]
    drawn = photoshop.js(
        "() => [...document.querySelectorAll('[data-operation]')].map((e) => e.dataset.operation)"
    )
    assert drawn == operations
    for name in operations:
        photoshop.operation(name)
    photoshop.click(".more")
    assert photoshop.shows("[data-key='ip_adapter.mask']")
    assert photoshop.js(NAMELESS) == []


@pytest.mark.host
@pytest.mark.window
def test_it_is_used_by_keyboard_alone(photoshop, house):
    document = photoshop.open(house)
    photoshop.mode("Restyle")
    photoshop.settings(steps=4)
    photoshop.js("() => document.querySelector('.mode').shadowRoot.querySelector('select').focus()")
    seen = []
    for _ in range(12):
        photoshop.browser.press(keys="Tab")
        seen.append(photoshop.js(FOCUSED))
        if "generate" in seen[-1]:
            break
        if seen[-1] == "prompt":
            photoshop.browser.press(keys="h")
            photoshop.browser.press(keys="i")
    assert seen[0] == "prompt" and "generate" in seen[-1], seen
    photoshop.browser.press(keys="Enter")
    assert photoshop.finished().startswith("Placed")
    assert document.state()["layers"][0]["name"] == "hi (7)"


@pytest.mark.host
@pytest.mark.window
@pytest.mark.parametrize("width", [240, 300, 480])
def test_nothing_is_cut_off(photoshop, width):
    photoshop.browser.size(width=width, height=640)
    for mode in ("Fill selection", "Expand canvas", "Control picture", "Combine"):
        photoshop.mode(mode)
        assert photoshop.js("() => document.documentElement.scrollWidth") <= width
