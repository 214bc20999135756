"""Pictures by content: up and down, from any byte on, packed or not, and what cannot be kept."""

import hashlib
import http.client
import io
import os
import time
from pathlib import Path

import pytest
from backports import zstd

DATA = os.urandom(3 << 20)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def fresh(size=3 << 20):
    data = os.urandom(size)
    return data, digest(data)


def test_up_and_down_again(wire):
    data, name = fresh((3 << 20) + 17)
    assert wire.ask("HEAD", f"/v1/blobs/{name}").status == 404
    put = wire.ask("PUT", f"/v1/blobs/{name}", data)
    assert put.status == 200 and put.json == {"sha256": name, "sizeBytes": str(len(data))}
    again = wire.ask("PUT", f"/v1/blobs/{name}", data, Content_Type="application/octet-stream")
    assert again.json == put.json
    head = wire.ask("HEAD", f"/v1/blobs/{name}")
    assert head.status == 200 and head.headers["Content-Length"] == str(len(data))
    got = wire.ask("GET", f"/v1/blobs/{name}")
    assert got.body == data and got.headers["ETag"] == f'"{name}"'
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Encoding"] is None


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_sizes_around_a_piece(wire, size):
    data, name = fresh(size)
    assert wire.ask("PUT", f"/v1/blobs/{name}", data).json["sha256"] == name
    assert wire.ask("GET", f"/v1/blobs/{name}").body == data


def test_a_body_without_a_length_is_taken_too(wire):
    data, name = fresh()
    pieces = (data[i : i + 100_000] for i in range(0, len(data), 100_000))
    assert wire.ask("PUT", f"/v1/blobs/{name}", pieces).status == 200
    assert wire.ask("GET", f"/v1/blobs/{name}").body == data


def test_the_gateway_hashes_for_those_that_cannot(wire):
    data, name = fresh()
    assert wire.ask("POST", "/v1/blobs", data).json == {"sha256": name, "sizeBytes": "3145728"}
    assert wire.ask("POST", "/v1/blobs", data).json["sha256"] == name
    assert wire.ask("GET", f"/v1/blobs/{name}").body == data


def test_a_download_goes_on_from_any_byte(wire):
    name = digest(DATA)
    wire.ask("PUT", f"/v1/blobs/{name}", DATA)
    found = wire.ask("GET", f"/v1/blobs/{name}", Range="bytes=2000000-")
    assert found.status == 206 and found.body == DATA[2_000_000:]
    assert found.headers["Content-Range"] == f"bytes 2000000-{len(DATA) - 1}/{len(DATA)}"
    end = wire.ask("GET", f"/v1/blobs/{name}", Range=f"bytes={len(DATA)}-")
    assert end.status == 416 and end.headers["Content-Range"] == f"bytes */{len(DATA)}"
    whole = wire.ask("GET", f"/v1/blobs/{name}", Range="bytes=-5")
    assert whole.status == 200 and whole.body == DATA, "another form is not ours: all of it"


def broken_off(wire, name, data, sent, length):
    """An upload whose sender goes away in the middle."""
    connection = http.client.HTTPConnection(wire.address, timeout=60)
    connection.putrequest("PUT", f"/v1/blobs/{name}")
    for key, value in wire.headers(Content_Length=str(length)).items():
        connection.putheader(key, value)
    connection.endheaders(data[:sent])
    return connection


def offset_of(wire, name):
    found = wire.ask("HEAD", f"/v1/blobs/{name}")
    return found.status, int(found.headers["Upload-Offset"])


def test_an_upload_goes_on_where_it_broke(wire):
    data, name = fresh(4 << 20)
    connection = broken_off(wire, name, data, (2 << 20) + 5, len(data))
    while offset_of(wire, name)[1] < 2 << 20:
        pass
    connection.close()
    status, there = offset_of(wire, name)
    assert (status, there) == (404, 2 << 20)
    wrong = wire.ask("PUT", f"/v1/blobs/{name}", data[100:], Upload_Offset="100")
    assert (wrong.status, wrong.json["code"]) == (409, "aborted")
    assert wrong.headers["Upload-Offset"] == str(there)
    rest = wire.ask("PUT", f"/v1/blobs/{name}", data[there:], Upload_Offset=str(there))
    assert rest.status == 200
    assert wire.ask("GET", f"/v1/blobs/{name}").body == data


def test_other_bytes_than_the_digests_are_not_kept(wire):
    data, name = fresh()
    found = wire.ask("PUT", f"/v1/blobs/{name}", data[:-1] + b"!")
    assert (found.status, found.json["code"]) == (500, "data_loss")
    assert offset_of(wire, name) == (404, 0)
    assert wire.ask("PUT", f"/v1/blobs/{name}", data).status == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("PUT", "/v1/blobs/nothing", {}, 400),
        ("PUT", "/v1/blobs/" + "A" * 64, {}, 400),
        ("GET", "/v1/blobs/..%2Ftoken", {}, 404),
        ("GET", "/v1/blobs/" + "0" * 64, {}, 404),
        ("PUT", "/v1/blobs/" + "0" * 64, {"Upload_Offset": "-1"}, 400),
        ("PUT", "/v1/blobs/" + "0" * 64, {"Content_Type": "text/plain"}, 415),
        ("POST", "/v1/blobs", {"Content_Type": "application/json"}, 415),
        ("PUT", "/v1/blobs/" + "0" * 64, {"Content_Encoding": "gzip"}, 415),
        ("PUT", "/v1/blobs/" + "0" * 64, {"Content_Encoding": "zstd"}, 400),
        ("DELETE", "/v1/blobs/" + "0" * 64, {}, 405),
    ],
)
def test_what_cannot_be_stored_or_found_is_one_clear_error(wire, method, path, headers, status):
    body = b"abc" if method in ("PUT", "POST") else None
    found = wire.ask(method, path, body, **headers)
    assert found.status == status
    assert "Fix: " in found.json["message"] or found.json["code"] == "not_found"


def test_packed_both_ways(wire):
    data = os.urandom(100_000) + bytes(2 << 20)
    name = digest(data)
    packed = zstd.compress(data)
    assert wire.ask("PUT", f"/v1/blobs/{name}", packed, Content_Encoding="zstd").status == 200
    found = wire.ask("GET", f"/v1/blobs/{name}", Accept_Encoding="gzip, zstd")
    assert found.headers["Content-Encoding"] == "zstd" and len(found.body) < 150_000
    assert zstd.decompress(found.body) == data
    part = wire.ask("GET", f"/v1/blobs/{name}", Accept_Encoding="zstd", Range="bytes=5-")
    assert part.headers["Content-Encoding"] is None and part.body == data[5:]
    none = wire.ask("GET", f"/v1/blobs/{name}", Accept_Encoding="zstd;q=0")
    assert none.body == data
    other = os.urandom(50_000)
    posted = wire.ask("POST", "/v1/blobs", zstd.compress(other), Content_Encoding="zstd")
    assert posted.json["sha256"] == digest(other)


def test_a_bomb_stops_at_the_limit(own_bridged, start_with_gateway, wire_of):
    start_with_gateway(own_bridged, "--blob-bytes", "2MiB")
    wire = wire_of(own_bridged.gateway, own_bridged.token)
    bomb = bytes(200 << 20)
    packed, name = zstd.compress(bomb), digest(bomb)
    for method, path in (("PUT", f"/v1/blobs/{name}"), ("POST", "/v1/blobs")):
        found = wire.ask(method, path, packed, Content_Encoding="zstd")
        assert found.status in (413, 429), found.body
        assert found.json["code"] == "resource_exhausted"
    large = wire.ask("PUT", f"/v1/blobs/{name}", bytes(3 << 20))
    assert large.status == 413
    unsaid = wire.ask("PUT", f"/v1/blobs/{name}", io.BytesIO(bytes(8 << 20)))
    assert unsaid.status in (413, 429), "refused, and its sender could read the answer"


def kilobytes(pid, name):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def test_a_slow_reader_holds_pieces_and_no_picture(bridged, gateways_of, wire):
    data, name = fresh(96 << 20)
    (pid,) = gateways_of(bridged)
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # its peak begins anew
    before = kilobytes(pid, "VmRSS")
    wire.ask("PUT", f"/v1/blobs/{name}", data)
    readers = []
    for _ in range(4):
        connection = http.client.HTTPConnection(wire.address, timeout=60)
        connection.request("GET", f"/v1/blobs/{name}", headers=wire.headers())
        readers.append(connection.getresponse())
    time.sleep(1.5)  # as long as whole pictures would take
    assert kilobytes(pid, "VmHWM") - before < 48 << 10
    for reader in readers:
        reader.close()
