"""Keys, and the folder that holds them.

A mark has two keys. The pattern key determines the tile; whoever has it can find marks and read
ids, so it is published for the free detector. The auth key makes the tag that nobody else can
make; it is the installation's secret and never leaves the folder.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from retouch_safety.durable_files import PRIVATE, write_once
from retouch_safety.tilemark.errors import InvalidMarkRequest
from retouch_safety.tilemark.payload import KEY_IDS

KEY_BYTES: Final = 32
_KINDS: Final = ("pattern", "auth")
_LABEL: Final = "retouch-tilemark-{kind}-1"


@dataclass(frozen=True)
class Keys:
    """What a mark is written with.

    Attributes:
        id: 0 to 15, part of the payload.
        pattern: 32 bytes, may be published.
        auth: 32 bytes, secret; not shown by ``repr``.

    Raises:
        InvalidMarkRequest: wrong id or length.
    """

    id: int
    pattern: bytes
    auth: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_id(self.id)
        for kind in _KINDS:
            _check_bytes(kind, getattr(self, kind))

    def reader(self) -> ReadingKeys:
        """Return what reads and authenticates marks of these keys."""
        return ReadingKeys(self.pattern, {self.id: self.auth})


@dataclass(frozen=True)
class ReadingKeys:
    """What marks are read with.

    Attributes:
        pattern: 32 bytes.
        auth: key id -> 32 secret bytes; empty for the public detector.

    Raises:
        InvalidMarkRequest: wrong id or length.
    """

    pattern: bytes
    auth: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        _check_bytes("pattern", self.pattern)
        for key_id, auth in self.auth.items():
            _check_id(key_id)
            _check_bytes("auth", auth)


class KeyRing:
    """A folder of keys, ``pattern-00.key`` and ``auth-00.key`` onwards, readable by its owner only.

    The newest id marks, all ids read: a rotation never makes an older mark unreadable.

    Args:
        folder: made when missing, with a first pair of keys.

    Raises:
        InvalidMarkRequest: a key file that is damaged, or whose secret others can read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._ids():
            self._make(0, secrets.token_bytes(KEY_BYTES))
        self._keys = [self._read(key_id) for key_id in self._ids()]

    @property
    def current(self) -> Keys:
        """The keys to mark with: those of a rotation by another process, too."""
        self._take_up_new()
        return self._keys[-1]

    def readers(self) -> tuple[ReadingKeys, ...]:
        """Return what reads every mark of this ring, one for each pattern, newest first."""
        self._take_up_new()
        by_pattern: dict[bytes, dict[int, bytes]] = {}
        for keys in reversed(self._keys):
            by_pattern.setdefault(keys.pattern, {})[keys.id] = keys.auth
        return tuple(ReadingKeys(pattern, auth) for pattern, auth in by_pattern.items())

    def rotate(self, *, new_pattern: bool = False) -> Keys:
        """Add a pair of keys, mark with it from now on, and return it.

        Args:
            new_pattern: also change the pattern. Every pattern is one more to search for, and the
                new one has to be published; needed only where the old one is being attacked.

        Raises:
            InvalidMarkRequest: all 16 ids are used.
        """
        last = self.current
        if last.id + 1 not in KEY_IDS:
            fix = "start a new key folder, and keep this one for reading"
            raise InvalidMarkRequest("key_id", last.id + 1, f"0 to {KEY_IDS.stop - 1}", fix)
        pattern = secrets.token_bytes(KEY_BYTES) if new_pattern else last.pattern
        self._make(last.id + 1, pattern)
        return self.current

    def published(self) -> str:
        """Return the pattern keys as text that may be given to anyone: id and key in each line."""
        return "".join(f"{keys.id} {keys.pattern.hex()}\n" for keys in self._keys)

    def _take_up_new(self) -> None:
        known = {keys.id for keys in self._keys}
        for key_id in self._ids():
            if key_id not in known:
                self._keys.append(self._read(key_id))

    def _ids(self) -> list[int]:
        return [key_id for key_id in KEY_IDS if self._path("auth", key_id).exists()]

    def _path(self, kind: str, key_id: int) -> Path:
        return self._folder / f"{kind}-{key_id:02d}.key"

    def _make(self, key_id: int, pattern: bytes) -> None:
        # the auth key comes last: an id counts only once both files are whole
        # where another process was first, its key is as good
        for kind, key in (("pattern", pattern), ("auth", secrets.token_bytes(KEY_BYTES))):
            write_once(self._path(kind, key_id), _text(kind, key).encode("ascii"), PRIVATE)

    def _read(self, key_id: int) -> Keys:
        pattern, auth = (_read_key(kind, self._path(kind, key_id)) for kind in _KINDS)
        return Keys(key_id, pattern, auth)


def _text(kind: str, key: bytes) -> str:
    return f"{_LABEL.format(kind=kind)} {key.hex()}\n"


def _read_key(kind: str, path: Path) -> bytes:
    try:
        mode, text = path.stat().st_mode, path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        fix = "restore it from a backup, or move the whole folder away to start anew"
        raise InvalidMarkRequest(f"{path.name}", str(error), "a key file", fix) from error
    if kind == "auth" and os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        fix = f"chmod 600 {path.name}, or rotate if others may have read it"
        raise InvalidMarkRequest(f"{path.name} mode", oct(stat.S_IMODE(mode)), "0o600", fix)
    label, _, key = text.strip().partition(" ")
    try:
        found = bytes.fromhex(key)
    except ValueError:
        found = b""
    if label != _LABEL.format(kind=kind) or len(found) != KEY_BYTES:
        fix = "restore it from a backup, or move the whole folder away to start anew"
        allowed = f"{_LABEL.format(kind=kind)!r} and {KEY_BYTES} bytes in hexadecimal"
        raise InvalidMarkRequest(path.name, f"{len(text)} other characters", allowed, fix)
    return found


def _check_id(key_id: int) -> None:
    if key_id not in KEY_IDS:
        fix = "use an id of the key ring"
        raise InvalidMarkRequest("key_id", key_id, f"0 to {KEY_IDS.stop - 1}", fix)


def _check_bytes(kind: str, key: bytes) -> None:
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        size = f"{len(key)} bytes" if isinstance(key, bytes) else type(key).__name__
        fix = "take keys from a KeyRing, or bytes from secrets.token_bytes(32)"
        raise InvalidMarkRequest(f"{kind} key", size, f"{KEY_BYTES} bytes", fix)
