"""Finding the daemon of this machine and its catalogue, without keeping anybody waiting."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from typing import Any

from .plugin_kit.client import Retouch
from .plugin_kit.failures import RetouchError
from .qt import QtCore, Signal

#: Of this plugin, at the daemon: jobs, quotas and history belong to it.
CLIENT_NAME = "krita"
#: Milliseconds between two looks for a daemon that does not answer.
_LOOK = 2000
#: Written by ``retouch install``: the daemon's folder, and how to start it. A sandboxed Krita has
#: another home and would not find it.
_FOLDER_FILE = os.path.join(os.path.dirname(__file__), "daemon_folder.txt")
_COMMAND_FILE = os.path.join(os.path.dirname(__file__), "daemon_command.json")
#: What Krita sets for its own Python must not reach another one's.
_OWN = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD")


class DaemonConnection(QtCore.QObject):
    """The daemon, once it is there."""

    #: The daemon answers; with its catalogue.
    found = Signal(object)
    #: It does not; with a sentence to show.
    missing = Signal(str)
    _answered = Signal(object, object, str)

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.retouch: Retouch | None = None
        self._looking = False
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(_LOOK)
        self._timer.timeout.connect(self.look)
        self._answered.connect(self._take)

    def start(self) -> None:
        """Look for the daemon, now and again and again until it is there."""
        self._timer.start()
        self.look()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    def look(self) -> None:
        """Look once, in a thread."""
        if not self._looking:
            self._looking = True
            threading.Thread(target=self._ask, name="retouch-find", daemon=True).start()

    def _ask(self) -> None:
        try:
            retouch = find()
            self._answered.emit(retouch, retouch.describe(), "")
        except RetouchError as problem:
            self._answered.emit(None, None, str(problem))

    def _take(self, retouch: Any, catalog: Any, problem: str) -> None:
        self._looking = False
        if retouch is None:
            self.retouch = None
            self.missing.emit(problem)
            return
        self._timer.stop()
        self.retouch = retouch
        self.found.emit(catalog)


def find() -> Retouch:
    """Return the daemon that this plugin was installed for; ``$RETOUCH_HOME`` goes before that.

    Raises:
        NotRunning: it is not there.
    """
    folder = None
    if not os.environ.get("RETOUCH_HOME") and os.path.exists(_FOLDER_FILE):
        with open(_FOLDER_FILE, encoding="utf-8") as file:
            folder = file.read().strip() or None
    return Retouch.find(CLIENT_NAME, folder)


def start_command() -> list[str]:
    """Return how to start the daemon; empty where ``retouch install`` has not said so."""
    try:
        with open(_COMMAND_FILE, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return []
    fits = isinstance(found, list) and all(isinstance(each, str) for each in found)
    return list(found) if fits and found and os.path.exists(found[0]) else []


def start_daemon() -> None:
    """Start the daemon; it goes on when Krita ends.

    Raises:
        OSError: it cannot be started.
    """
    clean = {name: value for name, value in os.environ.items() if name not in _OWN}
    quiet = subprocess.DEVNULL
    options: dict[str, Any] = {"stdin": quiet, "stdout": quiet, "stderr": quiet, "env": clean}
    subprocess.Popen(start_command(), start_new_session=True, **options)
