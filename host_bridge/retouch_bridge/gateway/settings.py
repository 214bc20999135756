"""How a gateway is set up: what the daemon that starts it says in one line of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What the daemon says.

    Attributes:
        address: host and port to listen on; port 0 chooses a free one.
        daemon: where gRPC is, ``unix:`` and a path, or host and port.
        folder: the daemon's, in which ``gateway.json`` is written.
        token_file: of the token, inside the folder.
        status: socket of the daemon's status; None where it has none.
        blob_bytes: most bytes of one picture.
        free_bytes: that must be left on the disk.
    """

    address: str
    daemon: str
    folder: Path
    token_file: str
    status: Path | None
    blob_bytes: int
    free_bytes: int

    @classmethod
    def of_line(cls, line: str) -> Settings:
        """Return what a line says. Raises ValueError, KeyError: it is none."""
        found = json.loads(line)
        return cls(
            address=str(found["address"]),
            daemon=str(found["daemon"]),
            folder=Path(found["folder"]),
            token_file=str(found["token_file"]),
            status=Path(found["status"]) if found["status"] else None,
            blob_bytes=int(found["blob_bytes"]),
            free_bytes=int(found["free_bytes"]),
        )

    @property
    def host(self) -> str:
        """Without brackets."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The wanted one."""
        return int(self.address.rpartition(":")[2])
