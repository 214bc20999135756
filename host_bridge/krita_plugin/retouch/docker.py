"""The docker in Krita's window."""

from __future__ import annotations

from typing import Any

from krita import DockWidget

from .panel import Panel


class RetouchDocker(DockWidget):
    """The docker "Retouch": Settings > Dockers > Retouch."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Retouch")
        self.panel = Panel()
        self.panel.setObjectName("retouch_panel")
        self.setWidget(self.panel)

    def canvasChanged(self, _canvas: Any) -> None:
        """Krita says that another document is active, or none."""
        self.panel.refresh()
