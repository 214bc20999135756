"""Where this user's daemon is: what it has left in its folder."""

from __future__ import annotations

import json
import os
import sys
from typing import NamedTuple

from .failures import NotRunning

#: Names of files in the daemon's folder.
ADDRESS_FILE, TOKEN_FILE = "gateway.json", "token"
#: Folder of everything of Retouch, instead of this user's own.
HOME_VARIABLE = "RETOUCH_HOME"
_START = "start it with `retouch serve`"


class Found(NamedTuple):
    """A daemon: its gateway's address and what it asks callers for."""

    address: str
    token: str


def find_daemon(folder: str | None = None) -> Found:
    """Return where the daemon is.

    Args:
        folder: the daemon's; None = ``daemon`` in ``$RETOUCH_HOME``, else this user's own.

    Raises:
        NotRunning: it has left no address, or one that cannot be read.
    """
    folders = [folder] if folder else _folders()
    here = next((each for each in folders if os.path.exists(os.path.join(each, ADDRESS_FILE))), "")
    if not here:
        raise NotRunning(f"Retouch does not run on this machine. Fix: {_START}.")
    name = os.path.join(here, ADDRESS_FILE)
    try:
        with open(name, encoding="utf-8") as file:
            written = json.load(file)
        address = str(written["address"])
        token_file = os.path.join(here, str(written.get("token_file", TOKEN_FILE)))
        with open(token_file, encoding="ascii") as file:
            return Found(address, file.read().strip())
    except (OSError, ValueError, KeyError, TypeError) as problem:
        words = f"Retouch's address in {name} cannot be read ({problem})"
        raise NotRunning(f"{words}. Fix: {_START} again.") from problem


def _folders() -> list[str]:
    """As the daemon chooses its own; see platformdirs."""
    named = os.environ.get(HOME_VARIABLE)
    ours = [os.path.join(named, "daemon")] if named else []
    home = os.path.expanduser("~")
    data = os.environ.get("XDG_DATA_HOME", "").strip()
    if sys.platform == "win32":
        data = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif not os.path.isabs(data):
        mac = ("Library", "Application Support")
        data = os.path.join(home, *(mac if sys.platform == "darwin" else (".local", "share")))
    return [*ours, os.path.join(data, "retouch", "daemon")]
