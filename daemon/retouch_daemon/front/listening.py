"""Where and how gRPC listens: sockets, TLS, and the limits of what a connection may ask."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

import grpc

from retouch_daemon.front.blob_service import CHUNK
from retouch_daemon.front.settings import Settings

#: Of every connection. Pings are allowed every 10 s: a host that has gone to sleep is noticed,
#: one that floods is not listened to. A handshake may not take for ever, nor an idle connection.
CONNECTION: Final = (
    ("grpc.max_receive_message_length", 4 * CHUNK),
    ("grpc.max_concurrent_streams", 256),
    ("grpc.max_metadata_size", 8 << 10),
    ("grpc.absolute_max_metadata_size", 16 << 10),
    ("grpc.max_connection_idle_ms", 600_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_allowed_incoming_connections", 1000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 3),
    ("grpc.so_reuseport", 0),
)


#: Descriptors that this process should have: what all connections may take leaves most of them.
DESCRIPTORS: Final = 8192


class AlreadyServed(Exception):
    """Another daemon has the address or the folder."""


def allow_descriptors() -> None:
    """Raise this process's limit of open files, as far as the system lets it.

    Where it is 1024, as it often is, connections alone could use it up: no worker could be started.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(server: grpc.aio.Server, settings: Settings) -> int:
    """Have a server listen where settings say; return the port, 0 without one.

    Raises:
        AlreadyServed: an address is taken, or is none of this machine's.
    """
    port, where = 0, settings.address
    try:
        if settings.address and settings.tls is not None:
            port = server.add_secure_port(settings.address, settings.tls.grpc_credentials())
        elif settings.address:
            port = server.add_insecure_port(settings.address)
        if settings.socket is not None:
            where = str(settings.socket)
            _add_own_socket(server, settings.socket)
        if settings.gateway_socket is not None:
            where = str(settings.gateway_socket)
            _add_own_socket(server, settings.gateway_socket)
    except RuntimeError as problem:
        raise AlreadyServed(
            f"address: {where} is taken. Fix: stop the other daemon, or choose another."
        ) from problem
    return port


def _add_own_socket(server: grpc.aio.Server, socket: Path) -> None:
    """Listen on a Unix socket that only this user can connect to. Raises RuntimeError."""
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = os.umask(0o177)  # the socket is made by gRPC, which takes no mode
    try:
        server.add_insecure_port(f"unix:{socket}")
    finally:
        os.umask(before)
