"""A real Chromium with a strict shim of Photoshop, and a real daemon behind the panel."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from chromium import ROOT, Browser, require_chromium
from gateway_daemon import Served
from photoshop_shim import DRIVER, Photoshop, ask, plugin_for, wait_until_ready


@pytest.fixture(scope="session")
def shim_browser(tmp_path_factory):
    """One Chromium for all tests."""
    require_chromium()
    made = Browser(DRIVER, tmp_path_factory.mktemp("profile"))
    yield made
    made.quit()


@pytest.fixture(scope="session")
def served(shim_browser, tmp_path_factory):
    """A daemon that all tests share; whoever ends it starts it again."""
    found = Served(tmp_path_factory.mktemp("photoshop"), "photoshop")
    found.start()
    found._gateway = found.client().address  # the same after a restart, as everybody's is
    wait_until_ready(found)
    yield found
    found.stop()


@pytest.fixture(scope="session")
def plugin(served, tmp_path_factory):
    return plugin_for(served.client().address, tmp_path_factory.mktemp("plugin") / "retouch")


@pytest.fixture(scope="session")
def code(served):
    """Asks for a code, as `retouch pair` does."""
    return lambda: ask(served, "POST", "/v1/pair/code")["code"]


@pytest.fixture(scope="session")
def house():
    """The demo's house: (128, 128, 3) of bytes."""
    return np.asarray(Image.open(ROOT / "sdk/retouch/demo/house.png").convert("RGB"))


@pytest.fixture(scope="session")
def pictures():
    return ROOT / "sdk/retouch/demo"


@pytest.fixture
def photoshop(shim_browser, plugin, code):
    """Photoshop with the panel, paired. Nothing that UXP forbids may have happened at the end."""
    found = Photoshop(shim_browser, plugin)
    found.wait_for(".pairing, .editing:not(.hidden)", 30)
    if found.shows(".pairing"):
        found.pair(code())
    yield found
    log = found.shim("log")
    assert log["offences"] == [] and shim_browser.said() == []
    assert log["living"] == 0, "images that nobody disposed of"
