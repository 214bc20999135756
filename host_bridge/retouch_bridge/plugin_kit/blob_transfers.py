"""Pictures up and down, as raw bytes that go on where they broke."""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import Callable

from .connection import Connections
from .failures import Failed, Lost

#: Told how many bytes of how many have been sent.
OnSent = Callable[[int, int], None]

#: Tries of an upload that breaks, and seconds in which what had been sent comes in.
_TRIES, _SETTLING = 5, 0.1
_BYTES = {"Content-Type": "application/octet-stream"}


class BlobTransfers:
    """Blobs of one daemon.

    Args:
        connections: to its gateway.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def put(self, data: bytes, told: OnSent) -> str:
        """Upload what the daemon lacks; return its SHA-256. See ``Retouch.put``."""
        digest = hashlib.sha256(data).hexdigest()
        path = f"/v1/blobs/{digest}"
        for left in reversed(range(_TRIES)):
            offset = self._uploaded(path, settled=left == _TRIES - 1)
            if offset is None:
                break
            offset = min(offset, len(data))
            told(offset, len(data))
            headers = {**_BYTES, "Upload-Offset": str(offset)}
            try:
                rest = data[offset:] if offset else data
                sent = partial(_told_from, told, offset, len(data))
                self._connections.ask("PUT", path, rest, headers, sent)
                break
            except (Lost, Failed) as problem:
                moved = isinstance(problem, Failed) and problem.status in ("aborted", "data_loss")
                if not left or not (moved or isinstance(problem, Lost)):
                    raise
        told(len(data), len(data))
        return digest

    def get(self, sha256: str) -> bytes:
        """Return the bytes of a blob. See ``Retouch.get``."""
        data = b""
        while True:
            resumed = {"Range": f"bytes={len(data)}-"} if data else {}
            try:
                answer = self._connections.ask("GET", f"/v1/blobs/{sha256}", headers=resumed)
                data = data + answer.body if answer.status == 206 else answer.body
                break
            except Lost as problem:
                data += problem.partial
                if hashlib.sha256(data).hexdigest() == sha256:
                    return data
                if not problem.partial:
                    raise
        if hashlib.sha256(data).hexdigest() != sha256:
            fix = "make the edit again"
            raise Failed(
                f"A picture came damaged ({sha256[:8]}). Fix: {fix}.", "data_loss", "", fix
            )
        return data

    def _uploaded(self, path: str, settled: bool) -> int | None:
        """How many bytes of a blob are there; None where all are.

        After an upload that broke, what was under way may still be coming in.
        """
        before = -1
        while True:
            there = self._connections.ask("HEAD", path)
            if there.status == 200:
                return None
            if there.status != 404:
                self._connections.ask("GET", path)  # its answer says in words what HEAD cannot
            offset = int(there.headers.get("upload-offset", 0))
            if settled or offset == before:
                return offset
            before = offset
            time.sleep(_SETTLING)


def _told_from(told: OnSent, begun: int, everything: int, sent: int) -> None:
    told(begun + sent, everything)
