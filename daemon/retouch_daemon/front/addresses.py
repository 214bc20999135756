"""Where to listen: a host and a port, and whether other machines can reach it."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from retouch.errors import InvalidField

_MOST_PORT: Final = 65_535
_HOST: Final = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z](?:[A-Za-z0-9-]{0,62})?")
_PORT: Final = re.compile(r"[0-9]{1,5}")


def checked_address(address: str, field: str) -> str:
    """Return an address that is a host and a port.

    Raises:
        InvalidField: something else; a name of gRPC's own (``dns:``, ``unix:``) is something else.
    """
    host, _, port = address.rpartition(":")
    if _is_host(host) and _PORT.fullmatch(port) and int(port) <= _MOST_PORT:
        return address
    allowed = "a host with a port, for example 127.0.0.1:7860"
    raise InvalidField(field, address, allowed, "name both")


def host_of(address: str) -> str:
    """Return the host of an address, without brackets."""
    return address.rpartition(":")[0].strip("[]")


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach an address."""
    host = host_of(address)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_host(host: str) -> bool:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return ipaddress.ip_address(bare).version == (4 if bare == host else 6)
    except ValueError:
        return _HOST.fullmatch(host) is not None
