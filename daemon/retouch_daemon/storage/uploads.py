"""Uploads under way: a file for every client and digest, so that nobody can spoil another's.

A file is called ``KEY-DIGEST``, where the key is of the client's name: so the next daemon knows
whose it is. While it is checked it is called ``KEY-DIGEST.TOKEN``, and nothing can be added to it.
Files of other names are of no use to anybody, as those that an older Retouch left.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retouch_daemon.storage.disk import size_of
from retouch_daemon.storage.reading import checked_digest

#: Seconds after which an upload that does not go on is dropped.
ABANDONED: Final = 86_400.0
_NAME: Final = re.compile(r"([0-9a-f]{32})-([0-9a-f]{64})(\.[0-9a-f]{16})?")


@dataclass(eq=False)
class Upload:
    """One upload.

    Attributes:
        key: of the client that sends it.
        digest: that the whole is to have.
        file: where it lies.
        size: bytes that are there, or that there is room kept for.
    """

    key: str
    digest: str
    file: Path
    size: int = 0

    def write(self, offset: int, piece: bytes) -> None:
        """Put a piece where it goes; 0 starts again. Notes what is there, also after an error."""
        try:
            with self.file.open("r+b" if offset else "wb") as file:
                file.seek(offset)
                file.write(piece)
        finally:
            self.size = size_of(self.file)


class Uploads:
    """What has come of blobs that are not whole yet. Used under the lock of the store.

    Args:
        folder: made if missing, readable by its owner only.
        most: uploads of one client: of more, the one that was longest untouched is dropped.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        #: Those that can go on, in the order in which they last did.
        self._open: dict[tuple[str, str], Upload] = {}
        #: Those that are checked, or written whole, by whoever took them.
        self._taken: set[Upload] = set()
        folder.mkdir(exist_ok=True, mode=0o700)
        self._take_over()
        self.drop_abandoned()

    def find(self, digest: str, client: str) -> Upload | None:
        """Return a client's upload; None where it has none. Raises ValueError: not a digest."""
        return self._open.get((key_of(client), checked_digest(digest)))

    def bytes(self, client: str | None = None, *, but: Upload | None = None) -> int:
        """Return the bytes of all uploads, of one client or of all, but one."""
        key = None if client is None else key_of(client)
        known: Iterable[Upload] = (*self._open.values(), *self._taken)
        return sum(each.size for each in known if each is not but and key in (None, each.key))

    def touch(self, digest: str, client: str) -> Upload:
        """Return an upload that goes on now, begun where there is none.

        Makes room among the client's own.
        """
        key = key_of(client)
        upload = self._open.pop((key, digest), None)
        if upload is None:
            mine = [each for each in self._open.values() if each.key == key]
            for other in mine[: max(0, len(mine) + 1 - self._most)]:
                self.drop(other)
            upload = Upload(key, digest, self._folder / f"{key}-{digest}")
        self._open[key, digest] = upload
        return upload

    def take(self, upload: Upload) -> Upload:
        """Take an upload: from now on nothing is added to it, and the client may send another."""
        target = _taken_name(upload.file)
        upload.file.rename(target)
        del self._open[upload.key, upload.digest]
        upload.file = target
        self._taken.add(upload)
        return upload

    def is_taken(self, digest: str, client: str) -> bool:
        """Tell whether such an upload of a client is being checked, or written whole."""
        key = key_of(client)
        return any((each.key, each.digest) == (key, digest) for each in self._taken)

    def whole(self, digest: str, client: str, size: int) -> Upload:
        """Return an upload that is taken from the first, for ``size`` bytes that are all there."""
        key = key_of(client)
        # Half of it is of no use: the next daemon drops files of such names.
        upload = Upload(key, digest, self._folder / f"whole.{secrets.token_hex(8)}", size)
        self._taken.add(upload)
        return upload

    def give_back(self, upload: Upload) -> None:
        """Let a taken upload go on; it is dropped where the client has begun another."""
        if upload not in self._taken:
            return
        self._taken.discard(upload)
        there = self._open.get((upload.key, upload.digest))
        if there is None and upload.file.is_file():
            name = self._folder / f"{upload.key}-{upload.digest}"
            upload.file.rename(name)
            upload.file = name
            self._open[upload.key, upload.digest] = upload
        else:
            upload.file.unlink(missing_ok=True)

    def drop(self, upload: Upload) -> None:
        """Forget an upload and its bytes. Harmless twice."""
        self._taken.discard(upload)
        if self._open.get((upload.key, upload.digest)) is upload:
            del self._open[upload.key, upload.digest]
        upload.file.unlink(missing_ok=True)

    def drop_abandoned(self) -> None:
        """Remove what has not gone on for long."""
        before = time.time() - ABANDONED
        for upload in list(self._open.values()):
            if not upload.file.is_file() or upload.file.stat().st_mtime < before:
                self.drop(upload)

    def _take_over(self) -> None:
        """Know what an earlier daemon began; what it was checking when it ended can go on, too."""
        for file in sorted(self._folder.iterdir(), key=lambda each: each.stat().st_mtime):
            found = _NAME.fullmatch(file.name)
            if file.is_dir():
                continue
            if found is None:
                file.unlink()
                continue
            key, digest = found[1], found[2]
            upload = Upload(key, digest, file, size_of(file))
            if found[3]:
                self._taken.add(upload)
            else:
                self._open[key, digest] = upload
        for upload in list(self._taken):
            self.give_back(upload)


def key_of(client: str) -> str:
    """Return what stands for a client in the names of files: 32 hexadecimal digits."""
    return hashlib.sha256(client.encode()).hexdigest()[:32]


def _taken_name(file: Path) -> Path:
    return file.with_name(f"{file.name}.{secrets.token_hex(8)}")
