"""Setting an interrupted write aside, in steps that may themselves be interrupted.

1. Copy the bytes to ``torn-<digest>.bin.pending``.  2. Cut them off the log.  3. Append a record
that names the file, its length and its digest.  4. Drop ``.pending`` from the name. Whoever
comes next goes on with the first step that is not done; every step may be done twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from retouch_safety.audit.line import Record
from retouch_safety.durable_files import PRIVATE, sync_folder, write_once

_PENDING: Final = ".pending"


def set_aside(path: Path, offset: int, size: int) -> None:
    """Steps 1 and 2: move the bytes from ``offset`` to ``size`` of a log file to one of their own.

    Raises:
        OSError: a full disk, an I/O error; nothing is lost.
    """
    with path.open("r+b") as stream:
        stream.seek(offset)
        data = stream.read(size - offset)
        digest = hashlib.sha256(data).hexdigest()
        write_once(path.with_name(f"torn-{digest[:16]}.bin{_PENDING}"), data, PRIVATE)
        stream.truncate(offset)
        stream.flush()
        os.fsync(stream.fileno())


def pending_files(folder: Path) -> list[Path]:
    """Return what was set aside and not yet recorded, or not yet known to be."""
    return sorted(folder.glob(f"torn-*.bin{_PENDING}"))


def torn_fields(pending: Path) -> dict[str, Any]:
    """Return what the record says about a file that was set aside.

    Raises:
        OSError: it cannot be read.
    """
    data = pending.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return {"event": "torn", "file": _final(pending).name, "bytes": len(data), "sha256": digest}


def settle(pending: Path) -> None:
    """Step 4.

    Raises:
        OSError: it cannot be renamed.
    """
    os.replace(pending, _final(pending))
    sync_folder(pending.parent)


def missing_file(folder: Path, torn: Sequence[Record]) -> str:
    """Return why what was set aside is not there any more, or an empty text."""
    for record in torn:
        name, digest = str(record.fields.get("file")), record.fields.get("sha256")
        paths = [folder / Path(name).name, folder / f"{Path(name).name}{_PENDING}"]
        found = [path for path in paths if path.is_file()]
        if not found:
            return f"{name}, which record {record.number} names, is missing"
        if hashlib.sha256(found[0].read_bytes()).hexdigest() != digest:
            return f"{name}, which record {record.number} names, was changed"
    return ""


def _final(pending: Path) -> Path:
    return pending.with_name(pending.name.removesuffix(_PENDING))
