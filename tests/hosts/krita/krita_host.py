"""The real Krita of these tests: the machine's own, or the one in a Debian 13 root."""

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

from retouch_bridge.installing import krita as installing

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
ABSENT = (
    "Krita is absent: as root, apt-get install --no-install-recommends krita python3-pyqt5 "
    "python3-sip xvfb xauth"
)
#: A first start makes a database of resources, which takes long.
FIRST_START = 300
SIZE = "1440x900x24"
NO_PLUGIN = "no Qt platform plugin could be initialized"
NOISE = ("QObject", "krita.lib.resources", "qt.", "Warning:", "qrc:", "file:///usr/lib", "  ")


class NoDisplay(Exception):
    """Krita is there, and no display for it."""


def find():
    """Return the roots that have a Krita, the machine's own first.

    ``RETOUCH_KRITA_ROOT`` names one; ``build/trixie`` is what the bootstrap of GIMP makes.
    """
    named = os.environ.get("RETOUCH_KRITA_ROOT")
    roots = [Path(named)] if named else [Path("/"), ROOT / "build/trixie"]
    found = [root for root in roots if (root / "usr/bin/kritarunner").exists()]
    return [root for root in found if root == Path("/") or os.geteuid() == 0]


class Krita:
    """Krita with a home of its own, and the plugin in it.

    Args:
        root: what ``find`` has found.
        name: of the folder of this home in the root, which is emptied.
    """

    def __init__(self, root, name):
        self.root, self._screen = root, Screen()
        self.home = (root / "srv" / name) if root != Path("/") else Path(name)
        shutil.rmtree(self.home, ignore_errors=True)
        for folder in (".config", "run", "scripts"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        (self.home / "run").chmod(0o700)
        self.daemon_folder = self.home / "daemon"
        place = installing.Place(self.home / ".config/kritarc", self.home / ".local/share/krita")
        installing.install(place, self.inside(self.daemon_folder))
        # A program that draws in software stands for a graphics card: this is quicker.
        (self.home / ".config/kritadisplayrc").write_text("[General]\nOpenGLRenderer=none\n")

    @property
    def plugins(self):
        return self.home / ".local/share/krita/pykrita"

    @property
    def version(self):
        """The first two parts of Krita's version."""
        number = json.loads((self.home / "version.json").read_text())
        return ".".join(number.split(".")[:2])

    def inside(self, path):
        """Return a path as Krita sees it."""
        return path if self.root == Path("/") else Path("/") / path.relative_to(self.root)

    def _command(self, program, variables):
        """A command line in Krita's surroundings: without our own Python environment."""
        home = self.inside(self.home)
        surroundings = {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": home,
            "XDG_CONFIG_HOME": home / ".config",
            "XDG_DATA_HOME": home / ".local/share",
            "XDG_RUNTIME_DIR": home / "run",
            "PYTHONUNBUFFERED": "1",
            "RETOUCH_TEST_HOME": home,
            "DISPLAY": self._screen.name,
            **variables,
        }
        pairs = [f"{name}={value}" for name, value in surroundings.items()]
        change = ["chroot", str(self.root)] if self.root != Path("/") else []
        return [*change, "env", "-i", *pairs, *program]

    def run_script(self, name, timeout=FIRST_START, **given):
        """Run a script of this folder in ``kritarunner``; return what it wrote as its answers."""
        scripts = self._prepare(given)
        variables = {"PYTHONPATH": f"{self.inside(scripts)}:{self.inside(self.plugins)}"}
        program = ["kritarunner", "-s", name, "-f", "__main__"]
        return self._finish(self._start(self._command(program, variables)), timeout)

    def start_window(self, name, **given):
        """Start Krita itself, with a script of this folder that begins once its window is there."""
        scripts = self._prepare(given)
        driver = self.plugins / "driver"
        driver.mkdir(exist_ok=True)
        shutil.copy(HERE / "driver_plugin.py", driver / "__init__.py")
        shutil.copy(HERE / "driver.desktop", self.plugins / "driver.desktop")
        settings = self.home / ".config/kritarc"
        text = settings.read_text()
        if "enable_driver=true" not in text:
            settings.write_text(text.replace("[python]\n", "[python]\nenable_driver=true\n", 1))
        variables = {"RETOUCH_TEST_SCRIPT": self.inside(scripts / f"{name}.py")}
        return self._start(self._command(["krita", "--nosplash"], variables))

    def run_window(self, name, timeout=FIRST_START, obey=None, **given):
        """Run a script in Krita itself to its end; return its answers.

        Args:
            name: of the script.
            timeout: seconds.
            obey: called with what the script asks for while it runs.
            given: what the script finds in ``drive.given``.
        """
        process = self.start_window(name, **given)
        ends, asked = time.monotonic() + timeout, self.home / "asked"
        while process.poll() is None and time.monotonic() < ends:
            if asked.exists() and obey is not None and (wanted := asked.read_text()):
                obey(wanted)
                asked.unlink()
            time.sleep(0.05)
        return self._finish(process, max(1, ends - time.monotonic()))

    def _prepare(self, given):
        scripts = self.home / "scripts"
        for file in HERE.glob("drive*.py"):
            shutil.copy(file, scripts)
        (self.home / "given.json").write_text(json.dumps(given))
        (self.home / "answers.json").unlink(missing_ok=True)
        return scripts

    def _start(self, command):
        out = (self.home / "said.txt").open("w")
        streams = {"stdout": out, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, start_new_session=True, **streams)

    def _finish(self, process, timeout):
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        answers = self.home / "answers.json"
        if not answers.exists() and NO_PLUGIN in self.said():
            raise NoDisplay(self.said())
        assert answers.exists(), f"exit status {process.returncode}\n{self.said()}"
        return json.loads(answers.read_text())

    def close(self):
        """Take the screen away."""
        self._screen.close()

    def said(self):
        """Return what Krita said, without its usual noise."""
        lines = (self.home / "said.txt").read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if line and not line.startswith(NOISE))[-6000:]


class Screen:
    """An X server without a screen, of a number that it found free itself.

    It does not begin anew when its last client leaves (``-noreset``): the next would find it shut.

    Raises:
        NoDisplay: it does not start, or lets nobody in.
    """

    def __init__(self):
        read, write = os.pipe()
        words = ["Xvfb", "-displayfd", str(write), "-nolisten", "tcp", "-noreset", "-ac"]
        words += ["-screen", "0", SIZE]
        self._process = subprocess.Popen(words, pass_fds=[write], stderr=subprocess.PIPE)
        os.close(write)
        with os.fdopen(read) as told:
            self.name = f":{told.readline().strip()}"
        if self.name == ":" or not self._lets_in():
            self._process.terminate()
            said = self._process.communicate()[1].decode(errors="replace")[-2000:]
            raise NoDisplay(f"Xvfb {self.name} cannot be reached: {said}")

    def _lets_in(self):
        """Ask as a client does: X protocol 11.0, little endian, no authorization."""
        path = f"/tmp/.X11-unix/X{self.name[1:]}"
        for address in ("\0" + path, path):
            with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
                client.settimeout(10)
                client.connect(address)
                client.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
                return client.recv(1) == b"\1"
        return False

    def close(self):
        self._process.terminate()
        self._process.communicate(timeout=10)
