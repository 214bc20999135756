"""Connections: with TLS to other machines, and the token never without it."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Final

import grpc

from retouch.client.finding import CA_VARIABLE, Endpoint
from retouch.errors import InvalidField

#: A daemon's pieces are of 1 MiB.
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 4 << 20),
    # A connection that has silently died is noticed while a job is followed.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


def open_channel(endpoint: Endpoint) -> grpc.Channel:
    """Return a channel to a daemon; it connects when it is used.

    Raises:
        InvalidField: another machine, and no ``ca``: the token would travel unprotected; or a
            file that cannot be read.
    """
    credentials = _protection(endpoint)
    if credentials is None:
        return grpc.insecure_channel(endpoint.address, options=_OPTIONS)
    return grpc.secure_channel(endpoint.address, credentials, options=_OPTIONS)


def open_async_channel(endpoint: Endpoint) -> grpc.aio.Channel:
    """Return a channel for asyncio; otherwise as :func:`open_channel`."""
    credentials = _protection(endpoint)
    if credentials is None:
        return grpc.aio.insecure_channel(endpoint.address, options=_OPTIONS)
    return grpc.aio.secure_channel(endpoint.address, credentials, options=_OPTIONS)


def _protection(endpoint: Endpoint) -> grpc.ChannelCredentials | None:
    """What TLS needs; None where the daemon is on this machine. Raises InvalidField."""
    address = endpoint.address
    if address.startswith("unix:"):
        return None
    if endpoint.ca is not None:
        return _credentials(endpoint, endpoint.ca)
    if not is_loopback(address):
        fix = f"give `ca`, or set {CA_VARIABLE}, to the PEM file that the daemon's owner gave you"
        raise InvalidField("address", address, "this machine, or TLS", fix)
    return None


def _credentials(endpoint: Endpoint, ca: Path) -> grpc.ChannelCredentials:
    own = (endpoint.certificate, endpoint.key)
    if (own[0] is None) != (own[1] is None):
        raise InvalidField("key", own[1], "certificate and key together", "give both")
    return grpc.ssl_channel_credentials(
        root_certificates=_read("ca", ca),
        private_key=None if own[1] is None else _read("key", own[1]),
        certificate_chain=None if own[0] is None else _read("certificate", own[0]),
    )


def _read(name: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        fix = f"name a file that this user can read ({problem.strerror})"
        raise InvalidField(name, str(file), "a readable PEM file", fix) from problem


def is_loopback(address: str) -> bool:
    """Return whether an address is of this machine."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
