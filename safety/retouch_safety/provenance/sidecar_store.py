"""Manifests beside the pictures: a folder of manifest stores, found by record id.

Pixels that go into a host's layer take no manifest along, and a file may lose its own. Both still
carry the watermark, whose payload is the key of this store. Ids are 32-bit and random, so two
edits may share one, and one edit has several forms (composite, patch, file): a key holds a list,
and a manifest is named by its own digest. Files are written whole and never changed:
``5a/5a3c96e1-<first 16 digits of SHA-256>.c2pa``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from retouch_safety.durable_files import PRIVATE, write_once
from retouch_safety.provenance.errors import InvalidProvenance
from retouch_safety.provenance.statement import check_record
from retouch_safety.provenance.vocabulary import record_text

_NAME: Final = re.compile(r"([0-9a-f]{8})-([0-9a-f]{16})\.c2pa")
_LARGEST: Final = 64 << 20


class SidecarStore:
    """Manifest stores by record id; safe to use from several processes.

    Args:
        folder: made at the first write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, record: int, manifest: bytes) -> Path:
        """Keep a manifest store; the same one twice is kept once.

        Args:
            record: 32-bit record id.
            manifest: what signing returned.

        Returns:
            The file. When this returns, it is on the disk.

        Raises:
            InvalidProvenance: a wrong id, an empty manifest, a full disk.
        """
        check_record("record", record)
        if not 0 < len(manifest) <= _LARGEST:
            allowed = f"1 to {_LARGEST} bytes"
            raise InvalidProvenance(
                "manifest", len(manifest), allowed, "pass what signing returned"
            )
        path = self._path(record, manifest)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_once(path, manifest, PRIVATE)
        except OSError as error:
            fix = "make room, or choose another folder"
            given = f"{self._folder}: {error}"
            raise InvalidProvenance("store.folder", given, "a writable folder", fix) from error
        return path

    def get(self, record: int) -> tuple[bytes, ...]:
        """Return every manifest store of an id, the newest first; none when it is unknown here.

        A file that no longer has the digest of its name is left out: the signature inside would
        not hold either.

        Raises:
            InvalidProvenance: a wrong id, or a file that cannot be read.
        """
        check_record("record", record)
        try:
            dated = [(path.stat().st_mtime_ns, path) for path in self._paths(record)]
            found = [path.read_bytes() for _, path in sorted(dated, reverse=True)]
        except OSError as error:
            fix = "check its permissions"
            given = f"{self._folder}: {error}"
            raise InvalidProvenance("store.folder", given, "a readable folder", fix) from error
        return tuple(data for data in found if self._path(record, data).exists())

    def records(self) -> Iterator[int]:
        """Yield every id of which there is a manifest, in ascending order."""
        names = (path.name for path in self._folder.glob("[0-9a-f][0-9a-f]/*.c2pa"))
        matches = (_NAME.fullmatch(name) for name in names)
        yield from sorted({int(match[1], 16) for match in matches if match})

    def _paths(self, record: int) -> list[Path]:
        text = record_text(record)
        folder = self._folder / text[:2]
        return [path for path in folder.glob(f"{text}-*.c2pa") if _NAME.fullmatch(path.name)]

    def _path(self, record: int, manifest: bytes) -> Path:
        text, digest = record_text(record), hashlib.sha256(manifest).hexdigest()
        return self._folder / text[:2] / f"{text}-{digest[:16]}.c2pa"
