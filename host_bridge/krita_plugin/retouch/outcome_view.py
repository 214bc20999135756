"""What an edit has come to: its picture, and the variants to flip through."""

from __future__ import annotations

from typing import Any

from .qt import QtCore, QtGui, QtWidgets
from .session import Session

_HEIGHT = 140


class OutcomeView(QtWidgets.QWidget):
    """Shows a session: progress, the newest picture, and what can be done with the variants."""

    def __init__(self) -> None:
        super().__init__()
        self._session: Session | None = None
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._progress = QtWidgets.QProgressBar()
        self._progress.setObjectName("retouch_progress")
        self._progress.setRange(0, 1000)
        column.addWidget(self._progress)
        self._message = QtWidgets.QLabel()
        self._message.setObjectName("retouch_message")
        self._message.setWordWrap(True)
        self._message.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self._message)
        self._picture = QtWidgets.QLabel()
        self._picture.setObjectName("retouch_picture")
        self._picture.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self._picture)
        self._choice = self._buttons()
        column.addWidget(self._choice)
        self.show_session(None)

    def show_session(self, session: Session | None, words: str = "") -> None:
        """Show a session as it is now; None = only some words."""
        self._session = session
        running = session is not None and session.is_running
        self._progress.setVisible(running)
        if running:
            words = self._show_progress(session) or words
        if session is not None and session.message:
            words = session.message
        self._message.setText(words)
        self._message.setVisible(bool(words))
        self._show_picture(session.image if session is not None else None)
        opened = session is not None and session.is_open
        self._choice.setVisible(opened)
        if opened:
            several = len(session.variants) > 1
            self._place.setText(f"{session.shown + 1} of {len(session.variants)}")
            for each in (self._previous, self._next, self._place):
                each.setVisible(several)

    def _show_progress(self, session: Session) -> str:
        progress = session.progress
        if progress is None or progress.share is None:
            self._progress.setRange(0, 0)  # it waits: Qt shows that something goes on
        else:
            self._progress.setRange(0, 1000)
            self._progress.setValue(round(1000 * progress.share))
        if progress is None:
            return "Reading the document"
        left = progress.remaining
        return progress.words + (f", {left:.0f} s left" if left is not None and left >= 1 else "")

    def _show_picture(self, image: QtGui.QImage | None) -> None:
        self._picture.setVisible(image is not None)
        if image is not None:
            ratio = QtCore.Qt.AspectRatioMode.KeepAspectRatio
            smooth = QtCore.Qt.TransformationMode.SmoothTransformation
            width = max(64, self.width() - 8)
            found = QtGui.QPixmap.fromImage(image).scaled(width, _HEIGHT, ratio, smooth)
            self._picture.setPixmap(found)

    def _buttons(self) -> Any:
        box = QtWidgets.QWidget()
        row = QtWidgets.QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        self._previous = _button("\u25c0", "previous", "Show the variant before")
        self._place = QtWidgets.QLabel()
        self._place.setObjectName("retouch_place")
        self._next = _button("\u25b6", "next", "Show the next variant")
        keep = _button("Keep", "keep", "Keep this one; its layer is yours")
        discard = _button("Discard", "discard", "Take it out of the document again")
        self._previous.clicked.connect(lambda: self._session and self._session.flip(-1))
        self._next.clicked.connect(lambda: self._session and self._session.flip(1))
        keep.clicked.connect(lambda: self._session and self._session.keep())
        discard.clicked.connect(lambda: self._session and self._session.discard())
        for each in (self._previous, self._place, self._next):
            row.addWidget(each)
        row.addStretch(1)
        row.addWidget(keep)
        row.addWidget(discard)
        return box


def _button(words: str, name: str, help: str) -> Any:
    found = QtWidgets.QPushButton(words)
    found.setObjectName("retouch_" + name)
    found.setToolTip(help)
    found.setAccessibleName(help)
    if len(words) == 1:
        found.setFixedWidth(32)
    return found
