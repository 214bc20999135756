"""``retouch serve`` with another engine: ``python -m serving_cases.front MODULE OPTION...``.

Sockets, queue, journal, blobs and gate are the daemon's own.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from retouch_daemon.front import server
from retouch_daemon.front.worker_options import WorkerOptions
from retouch_daemon.serve import serve


def main() -> None:
    """Serve; the first word names the module that is started as the engine."""
    module, *options = sys.argv[1:]
    assembled: Any = server  # which makes the options of its workers itself
    assembled.WorkerOptions = partial(WorkerOptions, engine_module=module)
    serve(options)


if __name__ == "__main__":
    main()
