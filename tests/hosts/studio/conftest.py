"""A real Chromium with the studio's page, and a real daemon behind it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from chromium import ROOT, Browser, require_chromium
from studio_browser import DRIVER, Studio

from retouch_bridge.studio.command import studio as command

DEMO = ROOT / "sdk/retouch/demo"
PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar

from retouch.operation import Operation, Stage
from retouch.parameters import parameter


@dataclass(frozen=True, kw_only=True)
class Tint(Operation):
    name: ClassVar[str] = "acme_tint"
    stage: ClassVar[Stage] = Stage.PROJECTION
    summary: ClassVar[str] = "Shift what the network draws"
    source: ClassVar[str] = "none"

    amount: float = parameter(0.0, "How far.", low=-4.0, high=4.0, unit="latent units")

    def denoise(self, inner, edit):
        def denoise(x, level, condition):
            x0 = yield from inner(x, level, condition)
            return x0 + self.amount

        return denoise
"""
#: Seconds after which a worker counts as hung: long, as many tests may share the machine.
SILENCE = "60"
COMMAND = "from retouch.cli.main import main; main()"


class Served:
    """A daemon with its gateway; ``start`` again on the same folder is a restart."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment
        self.process, self.address = None, "127.0.0.1:0"

    def start(self):
        words = ["serve", "--address", "127.0.0.1:0", "--folder", str(self.folder)]
        words += ["--gateway-address", self.address, "--silence", SILENCE]
        told = self.folder / "gateway.json"
        told.unlink(missing_ok=True)  # of one that was killed
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            stdout=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | self.environment,
            start_new_session=True,
        )
        ends = time.monotonic() + 60
        while not told.exists():
            assert self.process.poll() is None and time.monotonic() < ends, "no gateway listens"
            time.sleep(0.05)
        self.address = json.loads(told.read_text())["address"]
        return self

    def wait_until_ready(self):
        """Wait until edits can run."""
        ends = time.monotonic() + 200  # of a machine that is busy with other things
        while self.ask("GET", "/status.json")["state"] != "serving":
            assert time.monotonic() < ends, "the daemon is not ready"
            time.sleep(0.1)
        return self

    def ask(self, method, path, body=None, kind="application/json"):
        """The gateway's answer in JSON, as the studio's client."""
        token = (self.folder / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Retouch-Client": "studio"}
        headers |= {} if body is None else {"Content-Type": kind}
        connection = http.client.HTTPConnection(self.address, timeout=30)
        connection.request(method, path, body, headers)
        found = json.loads(connection.getresponse().read())
        connection.close()
        return found

    def call(self, method, message=None):
        return self.ask("POST", f"/retouch.v1.{method}", json.dumps(message or {}))

    def store(self, data):
        """Upload bytes; return their digest."""
        return self.ask("POST", "/v1/blobs", data, "application/octet-stream")["sha256"]

    def url(self):
        """An address that lets a page in once, as ``retouch studio`` makes it."""
        done = CliRunner().invoke(command, ["--folder", str(self.folder), "--no-browser"])
        assert done.exit_code == 0, done.output
        return re.search(r"http://\S+", done.output)[0]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One Chromium for all tests."""
    require_chromium()
    made = Browser(DRIVER, tmp_path_factory.mktemp("profile"))
    yield made
    made.quit()


@pytest.fixture(scope="session")
def acme(tmp_path_factory):
    """A package with an operation, as pip would have installed it."""
    site = tmp_path_factory.mktemp("site")
    (site / "acme_tint.py").write_text(PLUGIN)
    info = site / "acme_tint-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tint\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text("[retouch.operations]\nacme_tint = acme_tint:Tint\n")
    return site


@pytest.fixture(scope="session")
def daemon(browser, acme, tmp_path_factory):
    """A daemon that all tests share; whoever ends it starts it again."""
    path = os.pathsep.join(filter(None, [str(acme), os.environ.get("PYTHONPATH")]))
    served = Served(tmp_path_factory.mktemp("studio"), {"PYTHONPATH": path}).start()
    yield served.wait_until_ready()
    served.stop()


@pytest.fixture(scope="session")
def house():
    return DEMO / "house.png"


@pytest.fixture
def studio(browser, daemon, house):
    """The page with the house open; nothing of the page may have gone wrong at the end."""
    browser.said()
    yield Studio(browser, daemon.url(), house)
    assert browser.said() == []


@pytest.fixture
def open_studio(browser, daemon):
    """Opens a page: ``open_studio(picture=..., width=...)``."""
    return lambda **given: Studio(browser, daemon.url(), **given)
