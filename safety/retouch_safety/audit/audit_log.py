"""The audit log: append-only, hash-chained, authenticated, on the disk before it returns.

One folder: ``audit-00000001.jsonl`` and so on, ``head.json``, ``audit.key``, ``lock``, and
``torn-*.bin`` for what interrupted writes left. Any number of processes may append. An append
that cannot be completed raises :class:`AuditFailed`; the gate then releases nothing.
"""

from __future__ import annotations

import os
import secrets
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from retouch_safety.audit.chain_writer import ChainWriter
from retouch_safety.audit.entry import Entry
from retouch_safety.audit.errors import AuditFailed, InvalidAudit
from retouch_safety.audit.file_lock import locked
from retouch_safety.audit.head_file import read_head
from retouch_safety.audit.key_file import AuditKey, make_key, read_key
from retouch_safety.audit.line import GENESIS, ChainHead, Record
from retouch_safety.audit.log_files import lines_of, log_files
from retouch_safety.audit.verification import AuditReport, verify_folder

ROTATE_AT: Final = 64 << 20  # bytes
_SMALLEST_FILE: Final = 1 << 10
_PATIENCE: Final = 10.0  # seconds
_MOST_TAIL: Final = 100_000
_ROOM: Final = "make room, or check the disk and its permissions"


class AuditLog:
    """An audit log in a folder.

    Args:
        folder: made when missing, readable by its owner only.
        rotate_at: bytes from which on a new file is begun; the chain goes on in it.
        patience: seconds to wait for other processes.

    Raises:
        AuditFailed: no key for the log that is there, a key that others can read, no room.
        InvalidAudit: a size or time out of range.
    """

    def __init__(
        self, folder: Path, *, rotate_at: int = ROTATE_AT, patience: float = _PATIENCE
    ) -> None:
        if rotate_at < _SMALLEST_FILE:
            fix = f"use the default, {ROTATE_AT}"
            raise InvalidAudit("rotate_at", rotate_at, f"from {_SMALLEST_FILE} bytes", fix)
        if not 0 < patience <= 600:
            raise InvalidAudit("patience", patience, "over 0, up to 600 s", "use the default")
        self._folder, self._patience = folder, patience
        self._head_path = folder / "head.json"
        with _failing("write"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            for leftover in folder.glob(".*.part"):  # of someone who died; nobody else writes now
                leftover.unlink()
            self._key = self._first_key()
        self._writer = ChainWriter(folder, self._head_path, self._key, rotate_at)

    def append(self, entry: Entry) -> ChainHead:
        """Record something. When this returns, it is on the disk and in the chain.

        Only the end of the chain is looked at; :meth:`verify` looks at all of it.

        Returns:
            The head of the chain with it.

        Raises:
            AuditFailed: it could not be recorded, for whatever reason.
            InvalidAudit: over 64 KB.
        """
        fields = entry.fields(self._key)
        with self._locked():
            return self._writer.write(self._writer.end(), fields)

    def head(self) -> ChainHead:
        """Return the head of the chain, to be published elsewhere.

        Raises:
            AuditFailed: the log is damaged or cannot be read.
        """
        with self._locked():
            return self._writer.end().head

    def tail(self, count: int) -> tuple[Record, ...]:
        """Return the last records, the oldest first.

        Args:
            count: how many at most, 1 to 100000.

        Raises:
            AuditFailed: one of them is damaged, or a file cannot be read.
            InvalidAudit: a count out of range.
        """
        if not 1 <= count <= _MOST_TAIL:
            raise InvalidAudit("count", count, f"1 to {_MOST_TAIL}", "ask for fewer")
        found: deque[Record] = deque()
        with _failing("read"):
            for path, size in reversed(self._snapshot()):
                wanted = count - len(found)
                if wanted == 0:
                    break
                lines = deque(lines_of(path, size), maxlen=wanted + 1)
                if lines and not lines[-1].data.endswith(b"\n"):
                    lines.pop()  # a write that was interrupted
                for line in list(reversed(lines))[:wanted]:
                    found.appendleft(self._writer.parsed(line.data, path))
        return tuple(found)

    def verify(
        self, *, anchor: ChainHead | None = None, since: ChainHead | None = None
    ) -> AuditReport:
        """Check every record, and name the first bad one and why.

        Args:
            anchor: a head that was published: the log must contain it.
            since: the head before the oldest file, where older ones were moved to an archive.

        Raises:
            AuditFailed: a file cannot be read.
        """
        with _failing("read"):
            files = self._snapshot()
        return verify_folder(self._folder, files, self._head_path, self._key, anchor, since)

    def export(self, path: Path) -> ChainHead:
        """Copy all records into one new file, line by line as they are, even if damaged.

        Returns:
            The head that the log acknowledges.

        Raises:
            InvalidAudit: the file exists.
            AuditFailed: it cannot be written.
        """
        if path.exists():
            raise InvalidAudit("path", str(path), "a file that does not exist", "rename it")
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        with _failing("export"):
            with suppress(AuditFailed), self._locked():
                self._writer.end()  # finish what others left; a damaged log is exported too
            files = self._snapshot()
            head = read_head(self._head_path, self._key)
            try:
                with part.open("xb") as stream:
                    for source, size in files:
                        _copy(source, size, stream)
                    stream.flush()
                    os.fsync(stream.fileno())
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)
        return head or GENESIS

    def prompt_digest(self, prompt: str) -> str:
        """Return what the log writes in place of a prompt, to look for one that is known."""
        return self._key.prompt_digest(prompt)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self._folder / "lock", self._patience), _failing("write"):
            yield

    def _first_key(self) -> AuditKey:
        path = self._folder / "audit.key"
        if not path.exists() and not log_files(self._folder) and not self._head_path.exists():
            make_key(path)
        return read_key(path)

    def _snapshot(self) -> list[tuple[Path, int]]:
        with locked(self._folder / "lock", self._patience):
            return [(path, path.stat().st_size) for path in log_files(self._folder)]


def _copy(source: Path, size: int, stream: BinaryIO) -> None:
    with source.open("rb") as reader:
        left = size
        while left and (block := reader.read(min(left, 1 << 20))):
            stream.write(block)
            left -= len(block)


@contextmanager
def _failing(stage: str) -> Iterator[None]:
    """Turn an error of the system into the one that callers know."""
    try:
        yield
    except OSError as error:
        raise AuditFailed(stage, str(error), _ROOM) from error
