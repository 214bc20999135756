"""What an engine's process did and when, line by line; both contenders write the same words.

Times are of the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

#: Names the file to the engine's process.
VARIABLE: Final = "RETOUCH_SERVING_DIARY"


class Diary:
    """Writes lines to the file that the environment names."""

    def __init__(self) -> None:
        file = Path(os.environ[VARIABLE])
        self._file = file.open("a", encoding="utf-8", buffering=1)

    def note(self, what: str, **values: Any) -> None:
        """Write a line of now."""
        self._file.write(json.dumps({"what": what, "at": time.monotonic(), **values}) + "\n")

    @contextmanager
    def timed(self, what: str) -> Iterator[dict[str, Any]]:
        """Write a line at the end of a block, with its begin; it may add values."""
        values: dict[str, Any] = {"begin": time.monotonic()}
        yield values
        self.note(what, **values)


class Pages:
    """Reads what an engine has written.

    Args:
        file: of the diary.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def between(self, begin: float, end: float) -> list[dict[str, Any]]:
        """Return the lines of a time, in order; of times that were taken, those that ended then."""
        if not self._file.exists():
            return []
        lines = self._file.read_text(encoding="utf-8").splitlines()
        known = [json.loads(line) for line in lines]
        return [line for line in known if begin <= line["at"] <= end]
