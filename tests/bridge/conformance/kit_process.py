"""A kit in a process of its own: what a host's plugin would ask of it, and what it then tells."""

import json
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

BRIDGE = Path(__file__).resolve().parents[3] / "host_bridge"
NODE = shutil.which("node")
COMMANDS = {
    "python": [
        *(sys.executable, "-I", "-S", str(Path(__file__).with_name("kit_driver.py"))),
        str(BRIDGE / "retouch_bridge"),
    ],
    "javascript": [
        *(NODE or "node", "--no-warnings", "--experimental-websocket"),
        *(str(Path(__file__).with_name("kit_driver.mjs")), str(BRIDGE / "javascript_kit")),
    ],
}


#: Seconds that anything may take on a machine with much else to do.
PATIENCE = 240


class KitProcess:
    """One kit.

    Args:
        kind: ``python`` or ``javascript``.
        folder: for pixels.
    """

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        self._process = subprocess.Popen(
            COMMANDS[kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lines = queue.Queue()
        self._told = []
        self._last = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def ask(self, kind, **asked):
        """Ask for something; return the answer, which may have an ``error``."""
        self._last += 1
        number = self._last
        self._process.stdin.write(json.dumps({"id": number, "do": kind, **asked}) + "\n")
        self._process.stdin.flush()
        return self._until(lambda told: told.get("id") == number)

    def connect(self, address, token, timeout=30, give_up=60):
        name = {"client_name": f"kit-{self.kind}", "timeout": timeout, "give_up": give_up}
        return self.ask("connect", address=address, token=token, **name)

    def until(self, task, kind, seconds=PATIENCE):
        """Wait until a task tells something of a kind; return it. What was told before counts."""
        return self._until(lambda told: told.get("task") == task and kind in told, seconds)[kind]

    def painting(self, task):
        """Wait until an edit is at work."""
        self._until(
            lambda told: (
                told.get("task") == task and "Painting" in told.get("progress", {}).get("words", "")
            )
        )

    def told(self, task, kind):
        """All of a kind that a task has told so far."""
        return [each[kind] for each in self._told if each.get("task") == task and kind in each]

    def _until(self, fits, seconds=PATIENCE):
        ends = time.monotonic() + seconds
        for each in self._told:
            if fits(each):
                return each
        while True:
            line = self._lines.get(timeout=max(0.01, ends - time.monotonic()))
            assert line is not None, "the kit's process has ended"
            self._told.append(line)
            if fits(line):
                return line

    def stop(self):
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
