"""Qt as this Krita has it: PyQt5, or PyQt6 where Krita was built with Qt 6.

Two Qts in one process would crash it, so the one that Krita's own module has loaded is used.
Enumerations are named in full (``Qt.ItemDataRole.UserRole``): both know that.
"""

from __future__ import annotations

import sys

import krita  # noqa: F401  (loads Krita's Qt)

if "PyQt6.QtCore" in sys.modules:
    from PyQt6 import QtCore, QtGui, QtWidgets
elif "PyQt5.QtCore" in sys.modules:
    from PyQt5 import QtCore, QtGui, QtWidgets
else:
    try:
        from PyQt6 import QtCore, QtGui, QtWidgets
    except ImportError:
        from PyQt5 import QtCore, QtGui, QtWidgets

__all__ = ["QtCore", "QtGui", "QtWidgets", "Signal"]

Signal = QtCore.pyqtSignal
