"""Retouch in Krita: a docker and actions that edit through the daemon of this machine.

Krita loads this package by ``retouch.desktop``. Documents are touched in ``document``, ``capture``
and ``result_layer`` alone; ``plugin_kit`` is what all hosts share.
"""

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

from .actions import RetouchActions
from .docker import RetouchDocker

_ID = "retouch_docker"


def register() -> None:
    """Give Krita the docker and the actions."""
    app = Krita.instance()
    app.addExtension(RetouchActions(app))
    right = DockWidgetFactoryBase.DockRight
    app.addDockWidgetFactory(DockWidgetFactory(_ID, right, RetouchDocker))


register()
