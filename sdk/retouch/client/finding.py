"""Where the daemon of this user is, unless somebody says otherwise."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from platformdirs import user_data_path

from retouch.errors import InvalidField

DEFAULT_ADDRESS: Final = "127.0.0.1:7860"
#: Environment variables that say otherwise.
ADDRESS_VARIABLE: Final = "RETOUCH_DAEMON"
TOKEN_VARIABLE: Final = "RETOUCH_DAEMON_TOKEN_FILE"
CA_VARIABLE: Final = "RETOUCH_DAEMON_CA"


def default_folder() -> Path:
    """Return where this user's daemon keeps jobs, pictures and its token."""
    return user_data_path("retouch", appauthor=False) / "daemon"


def default_address() -> str:
    """Return ``$RETOUCH_DAEMON``, else the daemon's own default."""
    return os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS


def default_token_file() -> Path:
    """Return ``$RETOUCH_DAEMON_TOKEN_FILE``, else the one of this user's daemon."""
    named = os.environ.get(TOKEN_VARIABLE)
    return Path(named) if named else default_folder() / "token"


def default_ca() -> Path | None:
    """Return ``$RETOUCH_DAEMON_CA``, else None: no TLS."""
    named = os.environ.get(CA_VARIABLE)
    return Path(named) if named else None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How to reach a daemon.

    Attributes:
        address: host and port, or ``unix:`` and a path.
        token_file: what callers must know.
        ca: PEM file of the authorities that a daemon's certificate must be of; None speaks without
            TLS, which only this machine is spoken to.
        certificate, key: PEM files of the caller's own, for a daemon that asks for them.
    """

    address: str = field(default_factory=default_address)
    token_file: Path = field(default_factory=default_token_file)
    ca: Path | None = field(default_factory=default_ca)
    certificate: Path | None = None
    key: Path | None = None

    def token(self) -> str:
        """Return the token. Raises InvalidField where it cannot be read."""
        try:
            found = self.token_file.read_text("ascii").strip()
        except (OSError, ValueError) as problem:
            fix = f"start the daemon with `retouch serve`, or set {TOKEN_VARIABLE} ({problem})"
            name = str(self.token_file)
            raise InvalidField("token_file", name, "the token of a daemon", fix) from problem
        return found
