"""The form of one mode, drawn field by field from the catalogue."""

from __future__ import annotations

from typing import Any, Callable

from .document import Layer
from .field_widgets import widget_of
from .plugin_kit.panel_form import Field, Mode
from .qt import QtWidgets


class Form(QtWidgets.QWidget):
    """The fields of a mode: the simple ones at once, the others below "More".

    Args:
        mode: of the catalogue.
        layers: returns the document's layers, for pictures and masks.
    """

    def __init__(self, mode: Mode, layers: Callable[[], list[Layer]]) -> None:
        super().__init__()
        self.mode = mode
        self._widgets: dict[str, tuple[Field, Any]] = {}
        self._boxes: dict[str, Any] = {}
        self._layers = layers
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        if mode.name == "combine":
            column.addLayout(self._operations())
        simple = self._rows([each for each in mode.fields if each.simple])
        column.addLayout(simple)
        more = QtWidgets.QToolButton()
        more.setObjectName("retouch_more")
        more.setText("More")
        more.setCheckable(True)
        more.setAutoRaise(True)
        column.addWidget(more)
        self._rest = QtWidgets.QWidget()
        self._rest.setLayout(self._rows([each for each in mode.fields if not each.simple]))
        self._rest.setVisible(False)
        more.toggled.connect(self._rest.setVisible)
        column.addWidget(self._rest)
        column.addStretch(1)

    def values(self) -> dict[str, Any]:
        """Return what was chosen, by field key; what is as by default is left out."""
        found = {key: widget.value() for key, (_, widget) in self._widgets.items()}
        return {
            key: value
            for key, value in found.items()
            if value is not None and (value != self._widgets[key][0].default or "expand" in key)
        }

    def operations(self) -> list[str] | None:
        """Return the chosen operations of the mode "combine"; None in other modes."""
        if self.mode.name != "combine":
            return None
        return [name for name, box in self._boxes.items() if box.isChecked()]

    def fill(self, values: dict[str, Any], operations: list[str]) -> None:
        """Show values; what is not among them is as by default."""
        for key, (_, widget) in self._widgets.items():
            widget.set_value(values.get(key))
        for name, box in self._boxes.items():
            box.setChecked(name in operations)

    def set_value(self, key: str, value: Any) -> None:
        """Show one value, where the mode has such a field."""
        if key in self._widgets:
            self._widgets[key][1].set_value(value)

    def _rows(self, fields: list[Field]) -> Any:
        rows = QtWidgets.QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setRowWrapPolicy(QtWidgets.QFormLayout.RowWrapPolicy.WrapLongRows)
        before = ""
        for field in fields:
            if self.mode.name == "combine" and field.operation != before:
                before = field.operation
                rows.addRow(_heading(before))
            widget = widget_of(field, self._layers)
            self._widgets[field.key] = (field, widget)
            label = QtWidgets.QLabel(field.label)
            label.setBuddy(widget)
            label.setToolTip(field.help)
            rows.addRow(label, widget)
        return rows

    def _operations(self) -> Any:
        """Boxes to choose operations by."""
        grid = QtWidgets.QGridLayout()
        for index, name in enumerate(self.mode.operations):
            box = QtWidgets.QCheckBox(name.replace("_", " "))
            box.setObjectName("retouch_operation_" + name)
            self._boxes[name] = box
            grid.addWidget(box, index // 2, index % 2)
        return grid


def _heading(operation: str) -> Any:
    words = operation.replace("_", " ").capitalize() or "The edit"
    return QtWidgets.QLabel(f"<b>{words}</b>")
