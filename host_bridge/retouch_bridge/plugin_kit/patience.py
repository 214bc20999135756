"""Waiting for a daemon that is gone for a while, or has no room."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from .failures import Failed, Lost, NotRunning, RetouchError
from .stoppable import Stopped


def gone(problem: BaseException) -> bool:
    """Tell whether the same call may succeed when the daemon is back, or has room again."""
    if isinstance(problem, Failed):
        return problem.retryable
    return isinstance(problem, (NotRunning, Lost))


def patiently(do: Callable[[], Any], seconds: float, stop: threading.Event | None = None) -> Any:
    """Do something until it succeeds; wait for a daemon that is gone or has no room.

    Args:
        do: what; must be harmless twice.
        seconds: after which the error is raised.
        stop: ends it at once.

    Raises:
        Stopped: ``stop`` was set. RetouchError: what the last try said.
    """
    ends, pause, stop = time.monotonic() + seconds, 0.1, stop or threading.Event()
    while not stop.is_set():
        try:
            return do()
        except RetouchError as problem:
            if not gone(problem) or time.monotonic() >= ends:
                raise
            told = getattr(problem, "retry_seconds", None)
        stop.wait(min(told or pause, max(0.0, ends - time.monotonic())))
        pause = min(2 * pause, 2.0)
    raise Stopped
