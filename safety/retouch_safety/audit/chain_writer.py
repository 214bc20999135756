"""Where the next line goes, and writing it so that nothing is half done.

All of this runs under the log's lock. Whoever was stopped in the middle, at whatever point, has
left a state that the next one recognises and finishes.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from retouch_safety.audit.errors import AuditFailed
from retouch_safety.audit.head_file import read_head, write_head
from retouch_safety.audit.key_file import AuditKey
from retouch_safety.audit.line import (
    GENESIS,
    BadLine,
    ChainHead,
    Record,
    head_of,
    parsed,
    written,
)
from retouch_safety.audit.log_files import last_line, log_files, next_file
from retouch_safety.audit.scan import is_interrupted_write, scan
from retouch_safety.audit.torn_writes import pending_files, set_aside, settle, torn_fields
from retouch_safety.durable_files import sync_folder

EVIDENCE: Final = (
    "run `retouch audit verify`, keep the folder as it is, and start a new log elsewhere"
)


class End(NamedTuple):
    """Where the next line goes."""

    path: Path
    size: int
    head: ChainHead


class ChainWriter:
    """Writes the lines of one folder.

    Args:
        folder: it exists.
        head_path: where the head file is.
        key: the log's key.
        rotate_at: bytes from which on a new file is begun.
    """

    def __init__(self, folder: Path, head_path: Path, key: AuditKey, rotate_at: int) -> None:
        self._folder, self._head_path = folder, head_path
        self._key, self._rotate_at = key, rotate_at

    def end(self) -> End:
        """Find the end of the chain, after finishing what others left unfinished.

        Raises:
            AuditFailed: the log is damaged.
            OSError: a full disk, an I/O error.
        """
        end = self._intact_end() or self._after_torn_write()
        for pending in pending_files(self._folder):
            fields = torn_fields(pending)
            if not self._already_told(fields):
                self.write(end, fields)
            settle(pending)
            end = self._intact_end() or _damaged("it changed while it was locked")
        return end

    def parsed(self, line: bytes, path: Path) -> Record:
        """Return a record, or raise AuditFailed when it is damaged."""
        try:
            return parsed(line, self._key)
        except BadLine as error:
            raise AuditFailed("damaged", f"{path.name}: {error}", EVIDENCE) from error

    def _intact_end(self) -> End | None:
        """Return the end of the chain, or None when the last line is not a record."""
        files = log_files(self._folder)
        acknowledged = read_head(self._head_path, self._key)
        sizes = [path.stat().st_size for path in files]
        # a new file is empty when its maker died: the chain ends in the one before
        last = next((i for i in reversed(range(len(files))) if sizes[i]), None)
        path = files[-1] if files else next_file(self._folder, files)
        size = sizes[-1] if files else 0
        if last is None:
            if acknowledged is not None:
                _damaged("its files are missing")
            return End(path, size, GENESIS)
        line = last_line(files[last], sizes[last])
        try:
            record = parsed(line, self._key)
        except BadLine as error:
            if last != len(files) - 1:
                _damaged(f"{files[last].name}: {error}")
            return None
        head = head_of(line, record)
        self._catch_up(head, record, acknowledged)
        return End(path, size, head)

    def _catch_up(self, head: ChainHead, last: Record, acknowledged: ChainHead | None) -> None:
        """Compare the head file with the chain; it may be one record behind, no more."""
        known = acknowledged or GENESIS
        if head == known:
            return
        if head.number != known.number + 1 or last.previous != known.digest:
            reason = f"it ends at record {head.number}, the head file at {known.number}"
            _damaged(f"{reason}, and they do not fit")
        write_head(self._head_path, head, self._key)

    def _after_torn_write(self) -> End:
        """Set an interrupted write aside; raise if it is anything else."""
        files = log_files(self._folder)
        newest, size = files[-1], files[-1].stat().st_size
        start = self._start_of(files)
        walked = scan([(newest, size)], start, self._key)
        acknowledged = read_head(self._head_path, self._key)
        found = walked.found
        if found is None or not is_interrupted_write(found, walked.head, acknowledged, newest):
            why = "it changed" if found is None else f"record {found.number}: {found.why}"
            _damaged(f"{newest.name}: {why}")
        set_aside(newest, found.offset, size)
        return self._intact_end() or _damaged("it cannot be continued")

    def _start_of(self, files: list[Path]) -> ChainHead:
        for path in reversed(files[:-1]):
            line = last_line(path, path.stat().st_size)
            if line:
                return head_of(line, self.parsed(line, path))
        return GENESIS

    def _already_told(self, fields: dict[str, Any]) -> bool:
        last = self._last_record()
        return (
            last is not None
            and last.event == "torn"
            and (last.fields.get("sha256") == fields["sha256"])
        )

    def _last_record(self) -> Record | None:
        for path in reversed(log_files(self._folder)):
            line = last_line(path, path.stat().st_size)
            if line:
                return self.parsed(line, path)
        return None

    def write(self, end: End, fields: dict[str, Any]) -> ChainHead:
        """Write the next line and the head file; return the new head.

        Raises:
            InvalidAudit: over 64 KB.
            OSError: a full disk, an I/O error; nothing was recorded.
        """
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = written(fields, time, end.head, self._key)
        path, size = end.path, end.size
        if size >= self._rotate_at:
            path, size = next_file(self._folder, [path]), 0
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _write_all(handle, line)
            os.fsync(handle)
            if size == 0:
                sync_folder(self._folder)
            head = head_of(line, parsed(line, self._key))
            write_head(self._head_path, head, self._key)
        except BaseException:
            self._take_back(handle, size, end.head)
            raise
        finally:
            os.close(handle)
        return head

    def _take_back(self, handle: int, size: int, before: ChainHead) -> None:
        """Cut off a line that was not acknowledged.

        Not if the head file knows it already: a log behind its head would be a damaged one. Should
        cutting fail as well, the next append finds a torn line to set aside, or a whole record of
        something that then did not happen; never the other way round.
        """
        if (read_head(self._head_path, self._key) or GENESIS) == before:
            os.ftruncate(handle, size)
            os.fsync(handle)


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _damaged(why: str) -> NoReturn:
    raise AuditFailed("damaged", f"the log is damaged: {why}", EVIDENCE)
