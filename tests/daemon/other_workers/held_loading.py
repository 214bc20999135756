"""The real engine's process, whose checkpoints wait for a file of their name to be loaded.

The folder of these files is named by an environment variable. A file with words in it is why the
model cannot be loaded.
"""

import os
import time
from pathlib import Path

from retouch.models import library
from retouch_daemon.engine.__main__ import main

FOLDER = "HELD_LOADING"


def held(record, **given):
    file = Path(os.environ[FOLDER]) / record.name
    while not file.exists():
        time.sleep(0.01)
    if problem := file.read_text():
        raise OSError(problem)
    return load(record, **given)


if __name__ == "__main__":
    load, library.load_checkpoint = library.load_checkpoint, held
    main()
