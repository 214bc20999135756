"""The real daemon of these tests, in GIMP's folder so that both sides find it."""

import os
import signal
import subprocess
import sys
import time

from retouch_bridge.plugin_kit.client import Retouch, RetouchError

COMMAND = "from retouch.cli.main import main; main()"


class Served:
    """A daemon with its gateway; ``start`` again on the same folder is a restart."""

    def __init__(self, folder):
        self.folder, self.process = folder, None

    def start(self):
        words = ["serve", "--address", "127.0.0.1:0", "--folder", str(self.folder)]
        words += ["--gateway-address", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            stdout=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        begun = time.monotonic()
        while not self._answers():
            assert self.process.poll() is None, "the daemon ended"
            assert time.monotonic() - begun < 60, "the gateway does not answer"
            time.sleep(0.1)
        return self

    def client(self):
        """The client of the plug-in's kit, by the plug-in's name."""
        return Retouch.find("gimp", str(self.folder))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def _answers(self):
        try:
            return bool(self.client().hello())
        except RetouchError:
            return False
