"""The edits of the document, to fill in again or to run again."""

from __future__ import annotations

from typing import Any

from .history import words_of
from .qt import QtWidgets, Signal


class HistoryView(QtWidgets.QWidget):
    """A list of edits, newest first."""

    #: An edit's settings are to be filled in; with its entry.
    wanted = Signal(object)
    #: An edit is to be made again, on the picture as it is now; with its entry.
    wanted_again = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[dict[str, Any]] = []
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._list = QtWidgets.QListWidget()
        self._list.setObjectName("retouch_history")
        self._list.setAccessibleName("History of this document")
        self._list.setMinimumHeight(60)
        self._list.itemDoubleClicked.connect(lambda _item: self._tell(self.wanted))
        self._list.currentRowChanged.connect(self._allow)
        column.addWidget(self._list, 1)
        row = QtWidgets.QHBoxLayout()
        self._use = QtWidgets.QPushButton("Use settings")
        self._use.setObjectName("retouch_use")
        self._use.setToolTip("Fill in everything as it was, the seed included")
        self._again = QtWidgets.QPushButton("Run again")
        self._again.setObjectName("retouch_again")
        self._again.setToolTip("The same edit on the picture and the selection as they are now")
        self._use.clicked.connect(lambda: self._tell(self.wanted))
        self._again.clicked.connect(lambda: self._tell(self.wanted_again))
        row.addWidget(self._use)
        row.addWidget(self._again)
        column.addLayout(row)
        self._allow(-1)

    def show_entries(self, entries: list[dict[str, Any]]) -> None:
        """Show the edits of a document."""
        if entries == self._entries:
            return
        self._entries = entries
        self._list.clear()
        for entry in entries:
            item = QtWidgets.QListWidgetItem(words_of(entry))
            item.setToolTip(f"Receipt {entry.get('receipt', '')}")
            self._list.addItem(item)
        self._allow(-1)

    def _allow(self, row: int) -> None:
        for each in (self._use, self._again):
            each.setEnabled(row >= 0)

    def _tell(self, signal: Any) -> None:
        row = self._list.currentRow()
        if 0 <= row < len(self._entries):
            signal.emit(self._entries[row])
