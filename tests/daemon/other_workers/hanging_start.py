"""A worker whose first start hangs before it is ready, or takes long and gets on.

How its first start is, and the file that remembers it, come by environment variables. Later it is
the worker whose module is named there.
"""

import os
import runpy
import socket
import sys
import time
import types
from pathlib import Path

HOW, REMEMBERED, THEN = "HANGING_START", "HANGING_START_FILE", "HANGING_START_THEN"


def first_start():
    try:
        Path(os.environ[REMEMBERED]).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def hang(how):
    """Args: how: ``silent``, ``busy``, or ``slow SECONDS`` with news, after which it goes on."""
    from retouch_daemon.link.blocking import BlockingLink

    link = int(sys.argv[sys.argv.index("--link") + 1])
    with BlockingLink(socket.socket(fileno=os.dup(link))).starting(0.1):
        ends = time.monotonic() + float(how.split()[1]) if how.startswith("slow") else None
        while ends is None or time.monotonic() < ends:
            if ends is not None:
                sys.modules[f"news_{time.monotonic()}"] = types.ModuleType("news")
            if how != "busy":
                time.sleep(0.05)


if __name__ == "__main__":
    if first_start():
        hang(os.environ[HOW])
    runpy.run_module(os.environ[THEN], run_name="__main__", alter_sys=True)
