"""How a daemon is set up: where it listens, what it keeps, and how much anybody may ask."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Final

from retouch.catalog import ALLOWED_VARIABLE, GROUP
from retouch.client.finding import DEFAULT_ADDRESS, default_folder
from retouch.errors import InvalidField
from retouch.models.records import ROOTS_VARIABLE
from retouch_daemon.front.addresses import checked_address, is_loopback
from retouch_daemon.front.call_limits import CallLimits
from retouch_daemon.storage.blob_limits import BlobLimits
from retouch_daemon.storage.job_limits import JobLimits

if TYPE_CHECKING:
    from retouch_daemon.front.tls import TlsFiles
from retouch_daemon.front.worker_options import (
    SILENCE,
    START_SECONDS,
    STEP_SECONDS,
    EngineMemory,
)

#: Longest path of a Unix socket on every system.
SOCKET_BYTES: Final = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``retouch serve`` was told.

    Attributes:
        folder: journal, blobs and token.
        address: host and port; empty for none; port 0 chooses a free one.
        socket: Unix socket, or None for none.
        tls: certificate and key, without which other machines cannot be let in.
        status_address: host and port of metrics and status over HTTP; empty for none.
        gateway_address: host and port, on loopback, of HTTP for hosts without gRPC; empty for none.
        device: of the engine; None lets it choose.
        gate_device: where the gate decodes; None takes the engine's.
        silence: seconds without a sign of life after which engine or gate counts as hung.
        step_seconds: seconds that one step of either may take before it counts as hung.
        start_seconds: seconds that the start of either may go without news before it does.
        row_cap: most rows of one forward.
        policy: profile of the gate.
        keep_days: for which jobs that are over are kept.
        drain_seconds: that running edits have to end when the daemon is told to.
        operations: the only ones that are loaded; empty for all that are installed.
        models: the only folders that models of users may lie in; empty for any.
        limits: of blobs.
        jobs: limits of jobs.
        calls: limits of calls.
        memory: what the engine keeps in memory.

    Raises:
        InvalidField: no address at all, one that is open to other machines without TLS, a
            socket's name too long, an unknown operation or no such folder of models.
    """

    folder: Path = field(default_factory=default_folder)
    address: str = DEFAULT_ADDRESS
    socket: Path | None = None
    tls: TlsFiles | None = None
    status_address: str = ""
    gateway_address: str = ""
    device: str | None = None
    gate_device: str | None = None
    silence: float = SILENCE
    step_seconds: float = STEP_SECONDS
    start_seconds: float = START_SECONDS
    row_cap: int = 16
    policy: str = "standard"
    keep_days: float = 7.0
    drain_seconds: float = 0.0
    operations: tuple[str, ...] = ()
    models: tuple[Path, ...] = ()
    limits: BlobLimits = field(default_factory=BlobLimits)
    jobs: JobLimits = field(default_factory=JobLimits)
    calls: CallLimits = field(default_factory=CallLimits)
    memory: EngineMemory = field(default_factory=EngineMemory)

    def __post_init__(self) -> None:
        if not self.address and self.socket is None:
            raise InvalidField("address", "", "an address, a socket, or both", "give one")
        for name, address in (("address", self.address), ("status-address", self.status_address)):
            if address and not is_loopback(checked_address(address, name)) and self.tls is None:
                allowed = "a loopback address, or TLS"
                fix = "give --tls-cert and --tls-key, or stay on loopback and use an SSH tunnel"
                raise InvalidField(name, address, allowed, fix)
        if self.gateway_address and not is_loopback(
            checked_address(self.gateway_address, "gateway-address")
        ):
            fix = "stay on loopback, and reach it through an SSH tunnel"
            raise InvalidField("gateway-address", self.gateway_address, "a loopback address", fix)
        if self.socket is not None and len(os.fsencode(self.socket)) > SOCKET_BYTES:
            allowed = f"a path of at most {SOCKET_BYTES} bytes"
            raise InvalidField("socket", str(self.socket), allowed, "choose a shorter one")
        self._check_allowed()

    def _check_allowed(self) -> None:
        known = {point.name for point in entry_points(group=GROUP)}
        for name in self.operations:
            if name not in known:
                allowed, fix = ", ".join(sorted(known)), "name installed operations"
                raise InvalidField("allow-operations", name, allowed, fix)
        for root in self.models:
            if not root.is_dir():
                raise InvalidField("models", str(root), "a folder", "make it, or name another")

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

    @property
    def status_socket(self) -> Path | None:
        """Where this user's own programs ask how it goes; None where its path would be too long."""
        path = self.folder / "status"
        return path if len(os.fsencode(path)) <= SOCKET_BYTES else None

    @property
    def gateway_socket(self) -> Path | None:
        """Where gateways speak gRPC; None without any, or where its path would be too long."""
        path = self.folder / "gateway"
        fits = len(os.fsencode(path)) <= SOCKET_BYTES
        return path if self.gateway_address and fits else None

    @property
    def gateway_file(self) -> Path:
        """What says where the gateway listens, while it does."""
        return self.folder / "gateway.json"

    @property
    def remote(self) -> bool:
        """Whether other machines can connect."""
        return bool(self.address) and not is_loopback(self.address)

    def environment(self) -> dict[str, str]:
        """Variables by which every process of the daemon knows what it may load."""
        found = {}
        if self.operations:
            found[ALLOWED_VARIABLE] = ",".join(self.operations)
        if self.models:
            found[ROOTS_VARIABLE] = os.pathsep.join(str(root.resolve()) for root in self.models)
        return found
