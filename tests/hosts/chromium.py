"""A real Chromium, driven through playwright-core by a script of node."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAYWRIGHT = ROOT / "host_bridge/web_studio/node_modules/playwright-core"


def require_chromium():
    """Skip the test where there is no browser, or fail it where one has to be there."""
    if why := absent():
        required = "chromium" in os.environ.get("RETOUCH_REQUIRE_HOSTS", "").split(",")
        (pytest.fail if required else pytest.skip)(why)


def absent():
    """Why the tests cannot run here, with the cure; empty where they can."""
    if shutil.which("node") is None:
        return "node absent: install Node.js 20 or newer"
    if _chromium() is None:
        return "Chromium absent: apt-get install -y chromium"
    if not PLAYWRIGHT.is_dir():
        return "playwright-core absent: npm ci --prefix host_bridge/web_studio"
    return ""


def _chromium():
    named = os.environ.get("RETOUCH_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


class BrowserError(AssertionError):
    """A command could not be done."""


class Browser:
    """One Chromium; every method is a command of its driver.

    Args:
        driver: a script that takes a JSON command a line, and answers in one; see
            ``answering_commands.mjs``.
        profile: folder.
    """

    def __init__(self, driver, profile):
        self._process = subprocess.Popen(
            ["node", str(driver), str(PLAYWRIGHT), _chromium(), str(profile)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._id = 0

    def __getattr__(self, name):
        return lambda **given: self.do(name, **given)

    def do(self, name, **given):
        self._id += 1
        self._process.stdin.write(json.dumps({"id": self._id, "do": name, **given}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the browser ended"}')
        if "error" in answer:
            raise BrowserError(f"{name} {given}: {answer['error']}")
        return answer["value"]

    def quit(self):
        if self._process.poll() is None:
            self.do("quit")
            self._process.wait(10)
