"""The real daemon with its gateway, in a folder that tests and plugin both find."""

import os
import signal
import subprocess
import sys
import time

from retouch_bridge.plugin_kit.client import Retouch, RetouchError

COMMAND = "from retouch.cli.main import main; main()"


class Served:
    """A daemon with its gateway; ``start`` again on the same folder is a restart.

    Args:
        folder: what it keeps.
        name: of the plugin whose client asks it.
    """

    def __init__(self, folder, name):
        self.folder, self.name, self.process = folder, name, None
        self._gateway = "127.0.0.1:0"

    def start(self):
        words = ["serve", "--address", "127.0.0.1:0", "--folder", str(self.folder)]
        words += ["--gateway-address", self._gateway]
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        begun = time.monotonic()
        while not self.answers():
            assert self.process.poll() is None, "the daemon ended"
            assert time.monotonic() - begun < 60, "the gateway does not answer"
            time.sleep(0.1)
        return self

    def client(self):
        """The client of the plugin's kit, by the plugin's name."""
        return Retouch.find(self.name, str(self.folder))

    def answers(self):
        try:
            return bool(self.client().hello())
        except RetouchError:
            return False

    def obey(self, wanted):
        """Do what a script in the host asks for: "kill" or "start"."""
        {"kill": self.kill, "start": self.start}[wanted]()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
