"""Where the daemon is that this plug-in was installed for, and how to start it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

#: Beside the plug-in, written by ``retouch install gimp``. GIMP in a sandbox has another home and
#: would not find the daemon.
FOLDER_FILE, COMMAND_FILE = "daemon_folder.txt", "daemon_command.json"
_HERE = Path(__file__).parent
#: What GIMP sets for its own Python must not reach another one's.
_OWN = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "GI_TYPELIB_PATH")


def daemon_folder() -> str | None:
    """Return the daemon's folder; None = where this user's daemon usually is.

    ``$RETOUCH_HOME`` goes before what was installed.
    """
    if os.environ.get("RETOUCH_HOME"):
        return None
    try:
        written = (_HERE / FOLDER_FILE).read_text("utf-8").strip()
    except OSError:
        return None
    return written or None


def start_command() -> list[str]:
    """Return how to start the daemon; empty where that is not known, or not there for GIMP."""
    try:
        found = json.loads((_HERE / COMMAND_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    fits = isinstance(found, list) and found and all(isinstance(each, str) for each in found)
    return found if fits and os.path.exists(found[0]) else []


def start_daemon() -> None:
    """Start the daemon; it goes on when GIMP ends.

    Raises:
        OSError: it cannot be started.
    """
    clean = {name: value for name, value in os.environ.items() if name not in _OWN}
    quiet = subprocess.DEVNULL
    subprocess.Popen(
        start_command(), stdin=quiet, stdout=quiet, stderr=quiet, env=clean, start_new_session=True
    )
