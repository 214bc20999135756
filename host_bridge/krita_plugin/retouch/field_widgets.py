"""One widget for each kind of field; ``value()`` is None where nothing was chosen."""

from __future__ import annotations

import os
from typing import Any, Callable

from .document import Layer
from .edit import FileChoice, LayerChoice, SelectionChoice
from .plugin_kit.panel_form import Field
from .qt import QtCore, QtWidgets

_FILES = "Pictures (*.png *.jpg *.jpeg *.webp *.tif *.tiff)"
_AUTO = "automatic"
_PARTLY = QtCore.Qt.CheckState.PartiallyChecked


def widget_of(field: Field, layers: Callable[[], list[Layer]]) -> Any:
    """Return the widget of a field, with ``value()`` and ``set_value(value)``.

    Args:
        field: of the form.
        layers: returns the document's layers, for pictures and masks.
    """
    if field.kind in ("picture", "mask"):
        found: Any = PictureField(field, layers)
    elif field.kind in ("number", "integer") and not field.several:
        found = NumberField(field)
    elif field.kind == "bool":
        found = BoolField(field)
    elif field.kind in ("choice", "model") and not field.several:
        found = ChoiceField(field)
    elif field.key in ("prompt", "prompt_to_prompt.source_prompt"):
        found = LongTextField(field)
    else:
        found = TextField(field)
    found.setObjectName("retouch_field_" + field.key)
    found.setToolTip(field.help)
    found.setAccessibleName(field.label)
    return found


class NumberField(QtWidgets.QDoubleSpinBox):
    """A number; below its range it says "automatic" where nothing is a choice, too."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._field = field
        low = -1e9 if field.low is None else field.low
        step = field.step or 1.0
        self._none = low - step if field.default is None else None
        self.setDecimals(0 if field.kind == "integer" else 2)
        self.setRange(low if self._none is None else self._none, field.high or 1e9)
        self.setSingleStep(step)
        if field.unit:
            self.setSuffix(" " + field.unit)
        if self._none is not None:
            self.setSpecialValueText(_AUTO)
        self.set_value(None)

    def value(self) -> Any:
        """Return the number; None = automatic."""
        found = super().value()
        if self._none is not None and found < self._none + self.singleStep() / 2:
            return None
        return int(found) if self._field.kind == "integer" else round(found, 6)

    def set_value(self, value: Any) -> None:
        """Show a number; None = as by default."""
        fallback = self._none if self._none is not None else self._field.default
        try:
            self.setValue(float(fallback if value is None else value))
        except (TypeError, ValueError):
            self.setValue(float(fallback or 0))


class BoolField(QtWidgets.QCheckBox):
    """Yes or no; half checked = automatic, where there is no default."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._default = field.default
        self.setTristate(field.default is None)
        self.set_value(None)

    def value(self) -> Any:
        """Return the choice; None = automatic."""
        return None if self.isTristate() and self.checkState() == _PARTLY else self.isChecked()

    def set_value(self, value: Any) -> None:
        """Show a choice; None = as by default."""
        chosen = self._default if value is None else value
        if chosen is None:
            self.setCheckState(_PARTLY)
        else:
            self.setChecked(bool(chosen))


class ChoiceField(QtWidgets.QComboBox):
    """One word of several."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._default = field.default
        if field.default is None and not field.required:
            self.addItem(_AUTO, None)
        for word in field.choices:
            self.addItem(str(word).replace("_", " "), word)
        self.set_value(None)

    def value(self) -> Any:
        """Return the word; None = automatic."""
        return self.currentData()

    def set_value(self, value: Any) -> None:
        """Show a word; None = as by default."""
        self.setCurrentIndex(max(0, self.findData(self._default if value is None else value)))


class TextField(QtWidgets.QLineEdit):
    """A text; lists and words with numbers are written as one line."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        if field.kind == "words":
            self.setPlaceholderText("red: 1.5, house: 0.5")

    def value(self) -> Any:
        """Return the text; None = empty."""
        return self.text().strip() or None

    def set_value(self, value: Any) -> None:
        """Show a text, a list or words with numbers."""
        self.setText(_one_line(value))


class LongTextField(QtWidgets.QPlainTextEdit):
    """A text of several lines."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.setPlaceholderText(field.help)
        self.setTabChangesFocus(True)
        self.setFixedHeight(3 * self.fontMetrics().lineSpacing() + 12)

    def value(self) -> Any:
        """Return the text; None = empty."""
        return self.toPlainText().strip() or None

    def set_value(self, value: Any) -> None:
        """Show a text."""
        self.setPlainText(_one_line(value))


class PictureField(QtWidgets.QWidget):
    """Layers or files for pictures and masks; several where the field takes several."""

    def __init__(self, field: Field, layers: Callable[[], list[Layer]]) -> None:
        super().__init__()
        self._field, self._layers = field, layers
        self._rows: list[_PictureRow] = []
        self._column = QtWidgets.QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._more = QtWidgets.QPushButton("Another picture")
        self._more.setVisible(field.several)
        self._more.clicked.connect(self._add)
        self._column.addWidget(self._more)
        self._add()

    def value(self) -> Any:
        """Return what was chosen, several as a list; None = nothing."""
        found = [row.value() for row in self._rows if row.value() is not None]
        if not self._field.several:
            return found[0] if found else None
        return found or None

    def set_value(self, value: Any) -> None:
        """Show what was chosen; None = nothing."""
        wanted = value if isinstance(value, list) else [value]
        while len(self._rows) < len(wanted):
            self._add()
        for row, each in zip(self._rows, [*wanted, *[None] * len(self._rows)]):
            row.set_value(each)

    def _add(self) -> None:
        row = _PictureRow(self._field, self._layers)
        self._rows.append(row)
        self._column.insertWidget(self._column.count() - 1, row)


class _PictureRow(QtWidgets.QComboBox):
    """A layer, a file, the selection, or what the history had."""

    def __init__(self, field: Field, layers: Callable[[], list[Layer]]) -> None:
        super().__init__()
        self._field, self._layers = field, layers
        self._file: FileChoice | None = None
        self._kept: Any = None
        self.activated.connect(self._chosen)
        self._fill(None)

    def showPopup(self) -> None:
        """Open the list with the layers as they are now."""
        self._fill(self.value())
        super().showPopup()

    def value(self) -> Any:
        """Return the choice; None = nothing."""
        kind, value = self.currentData() or ("", None)
        return value if kind in ("layer", "file", "selection", "kept") else None

    def set_value(self, value: Any) -> None:
        """Show a choice; None = nothing."""
        self._kept = value if isinstance(value, dict) else None
        self._file = value if isinstance(value, FileChoice) else self._file
        self._fill(value)

    def _fill(self, chosen: Any) -> None:
        self.blockSignals(True)
        self.clear()
        self.addItem("none" if self._field.required else "(none)", ("", None))
        if self._field.kind == "mask":
            self.addItem("The selection", ("selection", SelectionChoice()))
        for layer in self._layers():
            self.addItem("Layer: " + layer.name, ("layer", LayerChoice(layer.layer_id)))
        if self._file is not None:
            self.addItem("File: " + os.path.basename(self._file.path), ("file", self._file))
        if self._kept is not None:
            self.addItem("As it was", ("kept", self._kept))
        if self._field.kind == "picture":
            self.addItem("File ...", ("open", None))
        data = (self.itemData(i) or ("", None) for i in range(self.count()))
        index = next((i for i, each in enumerate(data) if chosen and each[1] == chosen), 0)
        self.setCurrentIndex(index)
        self.blockSignals(False)

    def _chosen(self, _index: int) -> None:
        if (self.currentData() or ("", None))[0] != "open":
            return
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self, self._field.label, "", _FILES)
        if path:
            self._file = FileChoice(path)
        self._fill(self._file if path else None)


def _one_line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{word}: {number:g}" for word, number in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    return "" if value is None else str(value)
