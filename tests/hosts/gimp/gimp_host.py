"""The real GIMP 3 of these tests: in a Debian 13 root, or the machine's own."""

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
PROGRAM = "gimp-console-3.0"
SCREEN = "1780x900x24"
ABSENT = "GIMP 3 is absent: run tests/hosts/gimp/bootstrap.sh as root (makes build/trixie)"


def find():
    """Return the root to change to, ``/`` for the machine's own GIMP, or None."""
    named = os.environ.get("RETOUCH_GIMP3_ROOT")
    for folder in [Path(named)] if named else [ROOT / "build/trixie"]:
        if (folder / "usr/bin" / PROGRAM).exists() and os.geteuid() == 0:
            return folder
    return Path("/") if shutil.which(PROGRAM) else None


class Gimp:
    """GIMP with a home of its own.

    Args:
        root: what ``find`` has found.
        name: of the folder in it, which is emptied.
    """

    def __init__(self, root, name):
        self.root = root
        self.folder = root / "srv" / name if root != Path("/") else Path("/tmp") / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.plugins = self.folder / "gimp/plug-ins"
        self.plugins.mkdir(parents=True)
        known = root / "srv/first/gimp/pluginrc"  # of the bootstrap: spares asking every plug-in
        if known.exists():
            shutil.copy(known, self.folder / "gimp/pluginrc")
        quiet = '(config-version "3.0.4")\n(show-welcome-dialog no)\n(check-updates no)\n'
        (self.folder / "gimp/gimprc").write_text(quiet)

    def inside(self, path):
        """Return a path as GIMP sees it."""
        return Path("/") / path.relative_to(self.root)

    def command(self, *words, display=None):
        """Return a command line that runs in GIMP's surroundings."""
        home = self.inside(self.folder)
        surroundings = {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": home,
            "XDG_CONFIG_HOME": home / ".config",
            "XDG_RUNTIME_DIR": home,
            "GIMP3_DIRECTORY": home / "gimp",
        }
        if display is not None:
            surroundings["DISPLAY"] = display
        pairs = [f"{name}={value}" for name, value in surroundings.items()]
        change = ["chroot", str(self.root)] if self.root != Path("/") else []
        return [*change, "env", "-i", *pairs, *map(str, words)]

    def start(self, script, display=None, **values):
        """Start GIMP with a script of this folder; it finds ``values`` in given.json at home."""
        values |= {"folder": str(self.inside(self.folder))}
        (self.folder / "given.json").write_text(json.dumps(values), "utf-8")
        shutil.copy(HERE / "scene_facts.py", self.folder)
        run = shutil.copy(HERE / script, self.folder / script)
        batch = ["--batch-interpreter=python-fu-eval", "-b"]
        batch += [f"exec(compile(open({str(self.inside(run))!r}).read(), {script!r}, 'exec'))"]
        program = [PROGRAM, "-i", "-d", "-f"] if display is None else ["gimp-3.0", "-n", "-s"]
        return subprocess.Popen(
            self.command(*program, *batch, "--quit", display=display),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def run(self, script, timeout=120, **values):
        """Run a script to its end; return what it wrote as its answers."""
        process = self.start(script, **values)
        try:
            said, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            said, _ = process.communicate()
        answers = self.folder / "answers.json"
        assert answers.exists(), said[-4000:]
        return json.loads(answers.read_text("utf-8")), said

    def plugin_processes(self):
        """Process ids of our plug-in."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if b"plug-ins/retouch/retouch.py" in words and str(self.folder.name).encode() in words:
                found.append(int(folder.name))
        return found


class Screen:
    """An X server without a screen, in GIMP's root, with a window manager."""

    def __init__(self, gimp):
        self.gimp, self.name = gimp, ""
        self._pixels = gimp.folder / "screen"
        self._pixels.mkdir(exist_ok=True)
        chosen, told = os.pipe()
        words = ["-displayfd", told, "-screen", "0", SCREEN, "-nolisten", "tcp"]
        words += ["-fbdir", gimp.inside(self._pixels)]
        self._processes = [self._run("Xvfb", *words, pass_fds=[told])]
        os.close(told)
        with os.fdopen(chosen) as number:
            self.name = f":{number.readline().strip()}"
        assert self.name != ":", "Xvfb did not start"
        self._processes.append(self._run("openbox"))

    def _run(self, *words, **options):
        command = self.gimp.command(*words, display=self.name or None)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, **quiet, **options)

    def picture(self):
        """Return what is on the screen."""
        return xwd((self._pixels / "Xvfb_screen0").read_bytes())

    def close(self):
        for process in reversed(self._processes):
            process.terminate()
            process.wait(10)


def xwd(data):
    """Return an X window dump as a picture (X11/XWDFile.h: big-endian header)."""
    header = struct.unpack(">25I", data[:100])
    width, height, row, colours = header[4], header[5], header[12], header[19]
    begin = header[0] + 12 * colours
    rows = np.frombuffer(data, np.uint8, row * height, begin).reshape(height, row)
    pixels = rows[:, : 4 * width].reshape(height, width, 4)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 2::-1]))
