"""The page is shipped prebuilt: it must be what its sources make, small, and served as it is."""

import hashlib
import json
import re
import subprocess

import pytest
from chromium import ROOT
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from retouch_bridge.studio.pages import BUNDLE, studio_pages

SOURCES = ROOT / "host_bridge"
STUDIO = SOURCES / "web_studio"
REBUILD = "the bundle is stale: run `npm ci && npm run build` in host_bridge/web_studio"
#: Not sources: installed packages.
LEFT_OUT = ("node_modules", ".vite")
LIMIT = 300_000


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def built_from():
    return json.loads((BUNDLE / "built-from.json").read_text())["sources"]


def test_the_bundle_is_what_its_sources_make(built_from):
    files = [path for path in STUDIO.rglob("*") if path.is_file()]
    names = {
        str(path.relative_to(SOURCES)) for path in files if not set(LEFT_OUT) & set(path.parts)
    }
    assert {name for name in built_from if name.startswith("web_studio/")} == names, REBUILD
    other = [name for name, known in built_from.items() if digest(SOURCES / name) != known]
    assert not other, REBUILD
    assert any(name.startswith("javascript_kit/") for name in built_from)


def test_building_again_gives_the_same_files(tmp_path):
    vite = STUDIO / "node_modules/.bin/vite"
    if not vite.exists():
        pytest.skip("vite absent: npm ci --prefix host_bridge/web_studio")
    command = [str(vite), "build", "--outDir", str(tmp_path / "dist"), "--logLevel", "error"]
    done = subprocess.run(command, cwd=STUDIO, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    built = {path.name: path.read_bytes() for path in (tmp_path / "dist").iterdir()}
    assert built == {path.name: path.read_bytes() for path in BUNDLE.iterdir()}, REBUILD


def test_it_is_small_and_asks_for_nothing_else():
    files = {path.name: path.read_bytes() for path in BUNDLE.iterdir()}
    assert sum(map(len, files.values())) < LIMIT
    page = files["index.html"].decode()
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert linked and all(each.startswith("./") and each[2:] in files for each in linked)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page)
    for name, data in files.items():
        places = set(re.findall(rb"https?://[^\s\"'`)]+", data))
        named = {
            each for each in places if not each.startswith((b"http://www.w3.org/", b"http://${"))
        }
        assert not named, (name, named)


def test_pages_are_served_under_a_strict_policy():
    client = TestClient(studio_pages(), base_url="http://127.0.0.1:7862")
    page = client.get("/")
    assert page.status_code == 200 and page.headers["cache-control"] == "no-cache"
    policy = dict(
        part.split(" ", 1) for part in page.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://127.0.0.1:7862"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    script = re.search(r'src="\./([^"]+\.js)"', page.text)[1]
    found = client.get(f"/{script}")
    assert found.headers["cache-control"].endswith("immutable")
    assert "javascript" in found.headers["content-type"]
    odd = client.get("/", headers={"host": "evil.example; script-src *"})
    assert "evil" not in odd.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/pages.py", "/../pages.py", "/%2e%2e/pages.py", "/dist/"])
def test_nothing_but_the_bundle_is_served(path):
    client = TestClient(studio_pages())
    with pytest.raises(HTTPException) as caught:
        client.get(path)
    assert caught.value.status_code == 404
