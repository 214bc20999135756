"""Clients that have paired: their names, origins and the digests of their tokens."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

#: The longest unused goes when there are more.
MOST: Final = 64


@dataclass(frozen=True, slots=True)
class PairedClient:
    """One of them.

    Attributes:
        name: that it gave itself.
        origin: of its pages; empty where it sends none.
        token_sha256: of its token, which is not kept.
        paired: when, in seconds since 1970.
    """

    name: str
    origin: str
    token_sha256: str
    paired: float


class PairedClients:
    """Keeps them in a file that only this user can read.

    Args:
        file: of JSON. What cannot be read counts as nobody: they pair again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._clients = _read(file)

    def all(self) -> list[PairedClient]:
        """Return them, the earliest first."""
        return list(self._clients)

    def has_token(self, token: str) -> bool:
        """Return whether a token is of one of them."""
        found = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        matches = [hmac.compare_digest(found, each.token_sha256) for each in self._clients]
        return bool(token) and any(matches)

    def has_origin(self, origin: str) -> bool:
        """Return whether an origin is of one of them."""
        return any(each.origin == origin for each in self._clients if each.origin)

    def add(self, name: str, origin: str) -> str:
        """Keep one more; return its token. Raises OSError."""
        token = secrets.token_urlsafe(32)
        digest = hashlib.sha256(token.encode()).hexdigest()
        new = PairedClient(name, origin, digest, time.time())
        self._keep([*self._clients, new][-MOST:])
        return token

    def forget(self, name: str) -> int:
        """Forget all of a name; return how many there were. Raises OSError."""
        left = [each for each in self._clients if each.name != name]
        forgotten = len(self._clients) - len(left)
        if forgotten:
            self._keep(left)
        return forgotten

    def _keep(self, clients: list[PairedClient]) -> None:
        text = json.dumps([asdict(each) for each in clients], indent=1)
        write_private(self._file, text + "\n")
        self._clients = clients


def write_private(file: Path, text: str) -> None:
    """Replace a file as a whole by one that only this user can read. Raises OSError."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as made:
        made.write(text)
        made.flush()
        os.fsync(made.fileno())
    part.replace(file)


def _read(file: Path) -> list[PairedClient]:
    try:
        found = json.loads(file.read_text("utf-8"))
        return [PairedClient(**each) for each in found]
    except (OSError, ValueError, TypeError):
        return []
