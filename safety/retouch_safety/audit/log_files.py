"""The files of a log, in order, and the lines in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from retouch_safety.audit.line import LONGEST_LINE

_NAME: Final = re.compile(r"audit-(\d{8})\.jsonl")


class Line(NamedTuple):
    """One line of a file.

    Attributes:
        data: its bytes, with its end; cut at the longest allowed length plus one.
        offset: where it starts.
        number: its number in the file, from 1.
    """

    data: bytes
    offset: int
    number: int


def log_files(folder: Path) -> list[Path]:
    """Return the log's files, the oldest first."""
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def next_file(folder: Path, files: list[Path]) -> Path:
    """Return the name of the file after these."""
    match = _NAME.fullmatch(files[-1].name) if files else None
    return folder / f"audit-{int(match[1]) + 1 if match else 1:08d}.jsonl"


def lines_of(path: Path, size: int) -> Iterator[Line]:
    """Yield the lines in the first ``size`` bytes of a file; the last one may be cut."""
    offset, number = 0, 0
    with path.open("rb") as stream:
        while offset < size:
            stream.seek(offset)
            data = stream.readline(min(LONGEST_LINE + 1, size - offset))
            if not data:
                return
            number += 1
            yield Line(data, offset, number)
            offset += len(data)


def last_line(path: Path, size: int) -> bytes:
    """Return the last line of a file's first ``size`` bytes, as it stands; empty if there is none.

    A file that does not end in a line's end gives what follows the last end.
    """
    with path.open("rb") as stream:
        start = max(0, size - LONGEST_LINE - 1)
        stream.seek(start)
        data = stream.read(size - start)
    body = data.removesuffix(b"\n")
    return data[body.rfind(b"\n") + 1 :]
