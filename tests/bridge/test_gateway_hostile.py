"""Hostile and slow clients cost nobody else anything."""

import contextlib
import select
import socket
import time

import pytest

from retouch_bridge.gateway.connections import HEAD_BYTES, HEAD_SECONDS, MOST


def connected(wire):
    host, port = wire.address.split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def answered(connection):
    """What comes until the connection is closed."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 16):
            found += piece
    return found


def alive(wire):
    begin = time.monotonic()
    assert wire.ask("GET", "/v1/hello").status == 200
    assert time.monotonic() - begin < HEAD_SECONDS / 2, "it waited for others"


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"a" * (2 * HEAD_BYTES) + b"\r\n\r\n",
        b"GET /" + b"a" * (2 * HEAD_BYTES) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_what_is_no_request_is_answered_or_closed(wire, data):
    with connected(wire) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        found = answered(connection)
    assert not found or found.split()[1][:1] in (b"4", b"3", b"5")
    assert b"Traceback" not in found
    alive(wire)


def test_a_head_that_does_not_come_is_not_waited_for(bridged, wire):
    begin = time.monotonic()
    with connected(wire) as silent, connected(wire) as slow:
        slow.sendall(b"GET /v1/hello HTTP/1.1\r\n")
        waiting = {silent, slow}
        while waiting:
            assert time.monotonic() - begin < 3 * HEAD_SECONDS
            with contextlib.suppress(OSError):
                slow.sendall(b"A: b\r\n")  # a byte now and then buys no time
            alive(wire)
            closed, *_ = select.select(waiting, (), (), 0.5)
            for connection in closed:
                assert answered(connection) == b""
            waiting -= set(closed)
    assert time.monotonic() - begin > HEAD_SECONDS - 1


def test_thousands_of_idle_connections_are_bounded_and_others_served(bridged, gateways_of, wire):
    import os

    (pid,) = gateways_of(bridged)
    held = []
    try:
        for _ in range(2 * MOST):
            held.append(connected(wire))
        alive(wire)
        ends = time.monotonic() + 60
        while len(os.listdir(f"/proc/{pid}/fd")) >= MOST + 100:
            assert time.monotonic() < ends, "all of them are held"
            time.sleep(0.05)
        alive(wire)
    finally:
        for each in held:
            each.close()


def test_a_refused_upload_can_read_why(bridged, wire_of):
    wire = wire_of(bridged.gateway, "wrong")
    with connected(wire) as connection:
        head = f"PUT /v1/blobs/{'0' * 64} HTTP/1.1\r\nHost: {wire.address}\r\n"
        connection.sendall(f"{head}Content-Length: 100\r\nExpect: 100-continue\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 401"), "nothing is asked for first"
    alive(wire)


def test_a_large_body_that_is_refused_does_not_hide_why(bridged, wire, wire_of):
    stranger = wire_of(bridged.gateway, "wrong")
    for _ in range(5):
        found = stranger.ask("PUT", f"/v1/blobs/{'0' * 64}", bytes(8 << 20))
        assert found.status == 401
        long = wire.ask("POST", "/v1/nothing", bytes(8 << 20))
        assert long.status == 404
    alive(wire)


def test_a_call_whose_client_half_sends_it_ends_with_it(wire):
    with connected(wire) as connection:
        head = "POST /retouch.v1.EditService/Plan HTTP/1.1\r\n"
        shown = "".join(f"{k}: {v}\r\n" for k, v in wire.headers().items())
        about = f"Host: {wire.address}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}{about}{shown}Content-Length: 1000\r\n\r\n{{".encode())
        connection.shutdown(socket.SHUT_WR)
        answered(connection)
    alive(wire)


def test_requests_sent_at_once_are_answered_in_order(wire):
    with connected(wire) as connection:
        one = f"GET /v1/hello HTTP/1.1\r\nHost: {wire.address}\r\n"
        connection.sendall((f"{one}\r\n" * 20 + f"{one}Connection: close\r\n\r\n").encode())
        found = answered(connection)
    assert found.count(b"HTTP/1.1 200") == 21
