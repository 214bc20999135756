"""GTK in the version that GIMP's dialogs speak. Import it only where there is a display."""

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
gi.require_version("GdkPixbuf", "2.0")

from gi.repository import Gdk, GdkPixbuf, GimpUi, Gtk  # noqa: E402

__all__ = ["Gdk", "GdkPixbuf", "GimpUi", "Gtk"]
