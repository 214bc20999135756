"""Files that appear whole or not at all, and stay after a power cut."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644


def write_once(path: Path, data: bytes, mode: int) -> bool:
    """Write a file unless it exists.

    Args:
        path: where; its folder exists.
        data: all of it.
        mode: permissions.

    Returns:
        Whether this call wrote it. False: another process, or an earlier call, was first.

    Raises:
        OSError: a full disk, no permission.
    """
    if path.exists():
        return False
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        _write_durably(partial, data, mode)
        try:
            os.link(partial, path)  # unlike a rename, never replaces what is there
        except FileExistsError:
            return False
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def replace_whole(path: Path, data: bytes, mode: int) -> None:
    """Replace a file in one step: a reader sees the old one or the new one.

    Raises:
        OSError: a full disk, no permission; the old file is still there.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        _write_durably(partial, data, mode)
        os.replace(partial, path)
    except BaseException:  # also Ctrl-C: nothing half-written may remain
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _write_durably(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
