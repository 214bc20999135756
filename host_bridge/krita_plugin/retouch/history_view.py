"""The edits of the document, to fill in again or to run again."""

from __future__ import annotations

from typing import Any

from .history import words_of
from .qt import QtWidgets, Signal
from .recipe_files import FILES


class HistoryView(QtWidgets.QWidget):
    """A list of edits, newest first."""

    #: An edit's settings are to be filled in; with its entry.
    wanted = Signal(object)
    #: An edit is to be made again, on the picture as it is now; with its entry.
    wanted_again = Signal(object)
    #: A recipe is to be filled in; with the file's path.
    opened = Signal(str)
    #: An edit is to be saved as a recipe; with its entry and the file's path.
    saved = Signal(object, str)

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
        column.addLayout(self._recipes())
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
        for each in (self._use, self._again, self._save):
            each.setEnabled(row >= 0)

    def _recipes(self) -> Any:
        """Buttons for recipes in files."""
        row = QtWidgets.QHBoxLayout()
        open_ = QtWidgets.QPushButton("Open recipe ...")
        open_.setObjectName("retouch_open_recipe")
        open_.setToolTip("Fill in a recipe of `retouch batch`, or one that was saved here")
        self._save = QtWidgets.QPushButton("Save recipe ...")
        self._save.setObjectName("retouch_save_recipe")
        self._save.setToolTip("Save this edit, for other pictures and for `retouch batch`")
        open_.clicked.connect(lambda: self._open_file())
        self._save.clicked.connect(lambda: self._save_file())
        row.addWidget(open_)
        row.addWidget(self._save)
        return row

    def _open_file(self) -> None:
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self, "Open a recipe", "", FILES)
        if path:
            self.opened.emit(path)

    def _save_file(self) -> None:
        row = self._list.currentRow()
        if not 0 <= row < len(self._entries):
            return
        entry = self._entries[row]  # an edit may end, and be the first, while the dialog is open
        path, _ = QtWidgets.QFileDialog.getSaveFileName(self, "Save a recipe", "recipe.json", FILES)
        if path:
            self.saved.emit(entry, path)

    def _tell(self, signal: Any) -> None:
        row = self._list.currentRow()
        if 0 <= row < len(self._entries):
            signal.emit(self._entries[row])
