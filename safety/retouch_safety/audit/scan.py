"""Walking a chain until it breaks; whether the break is an interrupted write or damage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from retouch_safety.audit.key_file import AuditKey
from retouch_safety.audit.line import BadLine, ChainHead, Record, check_follows, head_of, parsed
from retouch_safety.audit.log_files import Line, lines_of


@dataclass(frozen=True)
class Break:
    """The first line that is not the next record.

    Attributes:
        file: the file that it is in.
        line: its number in the file, from 1.
        number: the number of the record that belongs there.
        why: what is wrong, in words.
        offset: where it starts, in bytes.
        authentic_after: a record of this log is here or further on in the file. An interrupted
            write leaves none: what comes after it is not a record.
    """

    file: Path
    line: int
    number: int
    why: str
    offset: int
    authentic_after: bool


@dataclass(frozen=True)
class Scan:
    """A walk along a chain.

    Attributes:
        head: of the records before the break, or of all.
        found: the break, or None.
        torn: the records that tell of interrupted writes.
        passed: heads that were asked for and have been passed.
    """

    head: ChainHead
    found: Break | None
    torn: tuple[Record, ...]
    passed: frozenset[ChainHead]


def scan(
    files: Iterable[tuple[Path, int]],
    start: ChainHead,
    key: AuditKey | None,
    watched: Iterable[ChainHead] = (),
) -> Scan:
    """Walk along the lines of some files.

    Args:
        files: paths and how many bytes of each belong to the log, the oldest first.
        start: the head before the first line.
        key: None when only the chain can be checked.
        watched: heads to look out for.

    Raises:
        OSError: a file cannot be read.
    """
    head, wanted = start, set(watched)
    torn: list[Record] = []
    passed = {start} & wanted
    for path, size in files:
        lines = lines_of(path, size)
        for line in lines:
            try:
                record = parsed(line.data, key)
                check_follows(record, head)
            except BadLine as error:
                later = _authentic(line, lines, key)
                found = Break(path, line.number, head.number + 1, str(error), line.offset, later)
                return Scan(head, found, tuple(torn), frozenset(passed))
            head = head_of(line.data, record)
            if head in wanted:
                passed.add(head)
            if record.event == "torn":
                torn.append(record)
    return Scan(head, None, tuple(torn), frozenset(passed))


def is_interrupted_write(
    found: Break, before: ChainHead, acknowledged: ChainHead | None, newest: Path
) -> bool:
    """Whether a break is the end of a write that never returned.

    That is so only when no record is lost with it: the head file, which an append writes before
    it returns, must not know more than what lies before the break.
    """
    known = 0 if acknowledged is None else acknowledged.number
    return found.file == newest and not found.authentic_after and before.number == known


def _authentic(line: Line, rest: Iterator[Line], key: AuditKey | None) -> bool:
    if key is None:
        return True  # cannot tell: be suspicious
    return _is_record(line, key) or any(_is_record(later, key) for later in rest)


def _is_record(line: Line, key: AuditKey) -> bool:
    try:
        parsed(line.data, key)
    except BadLine:
        return False
    return True
