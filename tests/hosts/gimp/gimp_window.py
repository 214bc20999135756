"""GIMP's windows with our dialog, driven by keyboard."""

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager

import numpy as np

AT_WORK = ("JOB_STATE_QUEUED", "JOB_STATE_RUNNING")


class Window:
    """GIMP with the dialog open."""

    def __init__(self, gimp, screen, daemon, process):
        self.gimp, self.screen, self.daemon, self.process = gimp, screen, daemon, process

    def press(self, *words):
        command = self.gimp.command("xdotool", *words, display=self.screen.name)
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout

    def wait(self, what, seconds=90):
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            found = what()
            if found:
                return found
            assert self.process.poll() is None, self.process.stdout.read()[-3000:]
            time.sleep(0.1)
        raise AssertionError("it did not happen")

    def told(self, name):
        path = self.gimp.folder / f"{name}.json"
        return self.wait(
            lambda: path.exists() and path.stat().st_size and json.loads(path.read_text())
        )

    def jobs(self):
        return {each["jobId"]: each["state"] for each in self.daemon.client().jobs()}

    def dialog(self):
        return self.wait(lambda: self.press("search", "--name", "^Retouch:").split())[0]

    def image(self):
        return self.wait(lambda: self.press("search", "--name", "GIMP$").split())[0]

    def write(self, words):
        self.press("windowactivate", "--sync", self.dialog())
        self.press("type", "--delay", "8", words)

    def finished(self, known):
        """Wait until a job that is not among the known ones is over and shown; return its name."""
        new = self.wait(lambda: set(self.jobs()) - set(known)).pop()
        self.wait(lambda: self.jobs()[new] not in AT_WORK)
        time.sleep(1)
        return new

    def picture(self):
        return np.asarray(self.screen.picture())


@contextmanager
def opened(gimp, screen, daemon, **values):
    for name in ("before", "edited", "undone", "redone"):
        (gimp.folder / f"{name}.json").unlink(missing_ok=True)
    given = {"picture": "house.png", "selection": [30, 26, 68, 70], "feather": 10}
    given |= {"procedure": "retouch-fill", **values}
    process = gimp.start("drive_window.py", display=screen.name, **given)
    try:
        yield Window(gimp, screen, daemon, process)
        process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
