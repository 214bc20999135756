"""What the gateway logs, handed to the daemon: its log has one form."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any, Final

_MOST: Final = 2000
#: Said by libraries for every request that is none.
_QUIET: Final = ("uvicorn.error", "uvicorn.access", "websockets")


class Records(logging.Handler):
    """Hands records on; of an exception the kind and the place, as its words may be a client's.

    Args:
        say: takes one record as a JSON object.
    """

    def __init__(self, say: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one on."""
        words = record.getMessage()
        problem = record.exc_info[1] if record.exc_info else None
        if problem is not None:
            frames = traceback.extract_tb(problem.__traceback__)[-8:]
            places = "".join(f"\n  {each.filename}:{each.lineno} {each.name}" for each in frames)
            words = f"{words}: {type(problem).__name__}{places}"
        self._say({"level": record.levelname.lower(), "words": words[:_MOST]})


def log_records(say: Callable[[dict[str, Any]], None]) -> None:
    """Hand on what is worth a line."""
    logging.basicConfig(level=logging.WARNING, handlers=[Records(say)], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
