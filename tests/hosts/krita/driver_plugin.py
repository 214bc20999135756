"""A plugin of the tests: runs a script in Krita once its window is there."""

import faulthandler
import os
import runpy
import sys
import traceback

from krita import Krita
from PyQt5.QtCore import QTimer


def run():
    try:
        faulthandler.enable(sys.__stderr__)
        # Krita's own hook opens a dialog and waits.
        sys.excepthook = traceback.print_exception
        script = os.environ["RETOUCH_TEST_SCRIPT"]
        sys.path.insert(0, os.path.dirname(script))
        runpy.run_path(script, run_name="__main__")
    except BaseException:
        traceback.print_exc()


notifier = Krita.instance().notifier()
notifier.setActive(True)
notifier.windowCreated.connect(lambda: QTimer.singleShot(800, run))
