"""Actions in Tools > Scripts, to which people give shortcuts."""

from __future__ import annotations

from typing import Any, Callable

from krita import Extension, Krita

from .panel import Panel

_MENU = "tools/scripts"


class RetouchActions(Extension):
    """Generate, cancel, flip and keep, as the buttons of the docker do."""

    def setup(self) -> None:
        """Krita asks for this; there is nothing to prepare."""

    def createActions(self, window: Any) -> None:
        """Give a window its actions."""
        known: tuple[tuple[str, str, Callable[[Panel], None]], ...] = (
            ("generate", "Generate", Panel.generate),
            ("cancel", "Cancel the Edit", Panel.cancel),
            ("next", "Next Variant", lambda panel: panel.flip(1)),
            ("previous", "Previous Variant", lambda panel: panel.flip(-1)),
            ("keep", "Keep the Variant", Panel.keep),
        )
        for name, words, do in known:
            action = window.createAction("retouch_action_" + name, "Retouch: " + words, _MENU)
            action.triggered.connect(lambda *_, do=do: _with_panel(do))


def _with_panel(do: Callable[[Panel], None]) -> None:
    # Krita's object for a window does not outlive createActions.
    found = Krita.instance().activeWindow().qwindow().findChild(Panel, "retouch_panel")
    if found is not None:
        do(found)
