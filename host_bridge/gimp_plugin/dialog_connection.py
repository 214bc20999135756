"""The daemon as the dialog looks for it: again and again, without a halt of the dialog."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import edits
from daemon_folder import start_command, start_daemon
from dialog_parts import Message
from gimp_api import GLib
from plugin_kit.client import Retouch, RetouchError

#: Seconds between two looks for a daemon that does not answer.
_PAUSE = 2


class Connection:
    """Looks for the daemon until it is there, and offers to start it.

    Args:
        found: told the daemon and its catalogue, in GTK's thread.
        message: where it is said that it is not there.
    """

    def __init__(self, found: Callable[[Retouch, dict[str, Any]], None], message: Message) -> None:
        self._found, self._message = found, message
        self._said = ""

    def look(self) -> bool:
        """Look, in a thread; not again by itself where that finds it."""
        threading.Thread(target=self._ask, name="retouch-find", daemon=True).start()
        return False

    def say_again(self) -> None:
        """Say once more that it is not there."""
        words, self._said = self._said or "Retouch was not found yet.", ""
        self._missing(words)

    def _ask(self) -> None:
        try:
            retouch = edits.find_daemon()
            catalog = retouch.describe()
        except RetouchError as problem:
            GLib.idle_add(self._missing, str(problem))
            GLib.timeout_add_seconds(_PAUSE, self.look)
            return
        GLib.idle_add(self._found, retouch, catalog)

    def _missing(self, words: str) -> None:
        if words == self._said:
            return
        self._said = words
        if start_command():
            self._message.show(words, "_Start it", self._start)
        else:
            self._message.show(words)

    def _start(self) -> None:
        try:
            start_daemon()
        except OSError as problem:
            self._message.show(f"It cannot be started ({problem}). Fix: run `retouch serve`.")
            return
        self._message.show("Retouch is being started; that takes some seconds.")
