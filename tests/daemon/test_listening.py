"""What one connection may ask, seen from the wire: too many of them, and pings without end."""

import asyncio
import resource

import grpc
import pytest

from retouch.errors import InvalidField
from retouch_daemon.front.listening import (
    CONNECTION,
    DESCRIPTORS,
    AlreadyServed,
    allow_descriptors,
    listen,
)
from retouch_daemon.front.settings import Settings

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
PING = b"\0\0\x08\x06\0\0\0\0\0" + b"12345678"


def listening(scenario, **changed):
    """Run a scenario with the port of a server with the daemon's options."""
    options = {name: value for name, value in CONNECTION}
    options |= {f"grpc.{name}": value for name, value in changed.items()}

    async def serve():
        server = grpc.aio.server(options=tuple(options.items()))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with asyncio.timeout(20):
                return await scenario(port)
        finally:
            await server.stop(None)

    return asyncio.run(serve())


async def greeted(port):
    """Connect; return whether the server says anything, and the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return bool(await reader.read(100)), reader, writer
    except ConnectionResetError:
        return False, reader, writer


def test_connections_above_the_limit_are_closed_at_once():
    async def scenario(port):
        opened = [await greeted(port) for _ in range(4)]
        for _, _, writer in opened:
            writer.close()
        return [said for said, _, _ in opened]

    assert listening(scenario, max_allowed_incoming_connections=2) == [True, True, False, False]
    assert dict(CONNECTION)["grpc.max_allowed_incoming_connections"] == 1000


def test_a_connection_that_never_says_what_it_wants_is_closed():
    async def scenario(port):
        said, reader, writer = await greeted(port)
        farewell = await reader.read()
        writer.close()
        return said, b"handshake timeout" in farewell

    assert listening(scenario, server_handshake_timeout_ms=300) == (True, True)


def test_a_flood_of_pings_ends_its_connection():
    async def scenario(port):
        _, reader, writer = await greeted(port)
        writer.write(PREFACE)
        sent = 0
        try:
            while sent < 200 and not reader.at_eof():
                writer.write(PING)
                await writer.drain()
                sent += 1
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        return sent

    assert listening(scenario) < 20


@pytest.mark.parametrize("where", ["127.0.0.1", "0.0.0.0"])
def test_an_address_that_is_taken_is_one_clear_error(tmp_path, where, authority):
    from retouch_daemon.front.tls import TlsFiles

    async def serve():
        first, second = grpc.aio.server(options=CONNECTION), grpc.aio.server(options=CONNECTION)
        tls = TlsFiles(*authority.issue("server"))
        port = listen(first, Settings(folder=tmp_path, address=f"{where}:0", tls=tls))
        with pytest.raises(AlreadyServed, match=f"{where}:{port} is taken"):
            listen(second, Settings(folder=tmp_path, address=f"{where}:{port}", tls=tls))
        await first.stop(None)

    asyncio.run(serve())


def test_connections_leave_descriptors_for_everything_else():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        allow_descriptors()
        most = DESCRIPTORS if before[1] == resource.RLIM_INFINITY else min(DESCRIPTORS, before[1])
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, before[1])
        allow_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == most
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert 4 * dict(CONNECTION)["grpc.max_allowed_incoming_connections"] < DESCRIPTORS


def test_without_tls_there_is_nothing_to_listen_on(tmp_path):
    with pytest.raises(InvalidField, match="--tls-cert"):
        Settings(folder=tmp_path, address="0.0.0.0:0")
