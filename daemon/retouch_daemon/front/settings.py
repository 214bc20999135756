"""How a daemon is set up: where it listens, what it keeps, and what that exposes, in words."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from retouch.client.finding import DEFAULT_ADDRESS, default_folder
from retouch.errors import InvalidField
from retouch_daemon.storage.blob_store import BlobLimits

#: Longest path of a Unix socket on every system.
_SOCKET_BYTES: Final = 100
_MOST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``retouch serve`` was told.

    Attributes:
        folder: journal, blobs and token.
        address: loopback address and port; empty for none; port 0 chooses a free one.
        socket: Unix socket, or None for none.
        device: of the worker; None lets it choose.
        row_cap: most rows of one forward.
        policy: profile of the gate.
        keep_days: for which jobs that are over are kept.
        limits: of blobs.
        jobs_per_client: most jobs of a client that are not over.

    Raises:
        InvalidField: an address that is not loopback, none at all, or a socket's name too long.
    """

    folder: Path = field(default_factory=default_folder)
    address: str = DEFAULT_ADDRESS
    socket: Path | None = None
    device: str | None = None
    row_cap: int = 16
    policy: str = "standard"
    keep_days: float = 7.0
    limits: BlobLimits = field(default_factory=BlobLimits)
    jobs_per_client: int = 1000

    def __post_init__(self) -> None:
        if not self.address and self.socket is None:
            raise InvalidField("address", "", "an address, a socket, or both", "give one")
        if self.address:
            _check_loopback(self.address)
        if self.socket is not None and len(os.fsencode(self.socket)) > _SOCKET_BYTES:
            allowed = f"a path of at most {_SOCKET_BYTES} bytes"
            raise InvalidField("socket", str(self.socket), allowed, "choose a shorter one")

    @property
    def token_file(self) -> Path:
        """What callers must know, readable by this user only."""
        return self.folder / "token"

    @property
    def blobs(self) -> Path:
        """Folder of the blobs."""
        return self.folder / "blobs"

    @property
    def database(self) -> Path:
        """The journal."""
        return self.folder / "journal.sqlite"

    def exposure(self) -> list[str]:
        """Return what this setup exposes to whom, one sentence each."""
        found = []
        if self.address:
            found.append(
                f"TCP {self.address}: every program of every user of this machine can connect; "
                f"only those that can read {self.token_file} (mode 0600) are served."
            )
        if self.socket is not None:
            found.append(
                f"Unix socket {self.socket} (mode 0600): only this user can connect; "
                "the token is asked for, too."
            )
        found.append("No other machine can connect.")
        found.append(
            f"Pictures and jobs are kept in {self.folder} (mode 0700): jobs that are over for "
            f"{self.keep_days:g} days, at most {self.limits.total_bytes / 2**30:g} GiB of pictures."
        )
        found.append(f"Every picture leaves through the gate, profile {self.policy}.")
        found.append("Only health probes are answered without the token.")
        return found


def _check_loopback(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback or not re.fullmatch("[0-9]{1,5}", port) or int(port) > _MOST_PORT:
        allowed = "a loopback address with a port, for example 127.0.0.1:7860"
        fix = "reach it from other machines through an SSH tunnel: there is no TLS yet"
        raise InvalidField("address", address, allowed, fix)
