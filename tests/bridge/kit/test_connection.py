"""Broken wires: what a client does when a server dies, lies or says nothing."""

import hashlib
import json
import socket
import threading
import time

import pytest

from retouch_bridge.plugin_kit.client import Failed, Lost, NotRunning, Retouch
from retouch_bridge.plugin_kit.connection import Connections
from retouch_bridge.plugin_kit.daemon_address import Found, find_daemon
from retouch_bridge.plugin_kit.patience import patiently
from retouch_bridge.plugin_kit.stoppable import Stopped

DATA = bytes(range(256)) * 40_000
DIGEST = hashlib.sha256(DATA).hexdigest()


class Wire:
    """A server that says to each request, in turn, what a test wants, and then hangs up if told."""

    def __init__(self, *answers):
        self.asked = []
        self._answers = list(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while self._answers:
            connection, _ = self._socket.accept()
            with connection:
                while self._answers and self._heard(connection):
                    answer = self._answers.pop(0)
                    hang_up = isinstance(answer, tuple)
                    connection.sendall(answer[0] if hang_up else answer)
                    if hang_up:
                        break
        self._socket.close()

    def _heard(self, connection):
        got = b""
        while b"\r\n\r\n" not in got:
            more = connection.recv(65536)
            if not more:
                return False
            got += more
        head, _, body = got.partition(b"\r\n\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(headers.get(b"content-length", 0))
        while len(body) < length:
            body += connection.recv(65536)
        self.asked.append((head.split(b" ")[:2], headers, body))
        return True

    def retouch(self, **more):
        return Retouch(self.address, "secret", "tests", **more)


def answer(status, body=b"", *headers, length=None):
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def frame(message, flag=0):
    data = json.dumps(message).encode()
    return bytes([flag]) + len(data).to_bytes(4, "big") + data


def streamed(*frames):
    body = b"".join(f"{len(f):x}\r\n".encode() + f + b"\r\n" for f in frames)
    return b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n" + body


def test_every_call_shows_token_and_name():
    wire = Wire(answer(200, b'{"catalog": {"limits": {}}}'))
    assert wire.retouch().describe() == {"limits": {}}
    (verb, path), headers, body = wire.asked[0]
    assert (verb, path, body) == (b"POST", b"/retouch.v1.CatalogService/Describe", b"{}")
    assert headers[b"authorization"] == b"bearer secret"
    assert headers[b"retouch-client"] == b"tests"


def test_a_connection_that_was_closed_meanwhile_is_made_again():
    wire = Wire((answer(200, b"{}"),), answer(200, b'{"job": {"jobId": "7"}}'))
    retouch = wire.retouch()
    retouch.describe()
    time.sleep(0.05)
    assert retouch.submit({})["jobId"] == "7"


def test_a_download_that_broke_goes_on_where_it_was():
    half = len(DATA) // 2
    rest = DATA[half:]
    wire = Wire((answer(200, DATA[:half], length=len(DATA)),), answer(206, rest))
    assert wire.retouch().get(DIGEST) == DATA
    assert wire.asked[1][1][b"range"] == f"bytes={half}-".encode()


def test_a_damaged_download_is_refused():
    with pytest.raises(Failed, match="came damaged"):
        Wire(answer(200, b"something else")).retouch().get(DIGEST)


def test_an_upload_that_broke_goes_on_where_it_was():
    told = []
    # what had been sent is still coming in when it is asked for the first time
    there = [answer(404, b"", f"Upload-Offset: {n}") for n in (0, 600_000, 1_000_000, 1_000_000)]
    wire = Wire(there[0], (b"",), *there[1:], answer(200, b"{}"))
    assert wire.retouch().put(DATA, lambda sent, of: told.append((sent, of))) == DIGEST
    begun, gone_on = wire.asked[1], wire.asked[5]
    assert begun[1][b"upload-offset"] == b"0"
    assert gone_on[1][b"upload-offset"] == b"1000000"
    assert gone_on[2] == DATA[1_000_000:]
    assert told[-1] == (len(DATA), len(DATA))


def test_what_is_there_is_not_sent():
    wire = Wire(answer(200))
    assert wire.retouch().put(DATA) == DIGEST
    assert [asked[0][0] for asked in wire.asked] == [b"HEAD"]


def test_a_stream_that_ends_early_is_lost_and_one_that_ends_is_not():
    wire = Wire((streamed(frame({"a": 1})),), streamed(frame({"a": 1}), frame({}, 2), b""))
    retouch = wire.retouch()
    found = []
    with pytest.raises(Lost, match="Fix"):
        found.extend(retouch.stream("X/Y", {}))
    assert found == [{"a": 1}] == list(retouch.stream("X/Y", {}))


def test_an_error_at_the_end_of_a_stream_is_raised():
    error = {"error": {"code": "not_found", "message": "no such job"}}
    with pytest.raises(Failed, match="no such job"):
        list(Wire(streamed(frame(error, 2), b"")).retouch().stream("X/Y", {}))


def test_watching_goes_on_after_what_was_seen():
    events = [frame({"event": {"seq": str(n), "progress": {}}}) for n in (1, 2)]
    last = frame({"event": {"seq": "3", "done": {}}})
    wire = Wire((streamed(*events),), streamed(last, frame({}, 2), b""))
    seen = [event["seq"] for event in wire.retouch(give_up=5).watch("job")]
    assert seen == ["1", "2", "3"]
    again = wire.asked[1][2]
    assert json.loads(again[5:]) == {"jobId": "job", "fromSeq": "3"}


def test_a_stream_stops_while_nothing_comes():
    stop = threading.Event()
    wire = Wire(streamed(frame({"a": 1})), b"")
    stream = wire.retouch().stream("X/Y", {}, stop)
    assert next(stream) == {"a": 1}
    threading.Timer(0.1, stop.set).start()
    began = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - began < 10


def test_a_server_that_says_nothing_is_given_up():
    wire = Wire(b"", b"never asked")
    began = time.monotonic()
    with pytest.raises(Lost, match=r"no answer for 0\.3 s"):
        wire.retouch(timeout=0.3).describe()
    assert time.monotonic() - began < 10


def test_nobody_there_says_how_to_start_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(NotRunning, match="retouch serve"):
        Retouch(address, "secret", "tests").describe()


def test_something_else_that_listens_is_not_taken_for_a_daemon():
    with pytest.raises(Failed, match="not Retouch's"):
        Wire(answer(200, b"<html>")).retouch().describe()


def test_a_daemon_that_came_back_elsewhere_is_found(tmp_path):
    first, second = Wire(answer(200, b"{}")), Wire(answer(200, b'{"catalog": {"a": 1}}'))
    (tmp_path / "token").write_text("secret")
    (tmp_path / "gateway.json").write_text(json.dumps({"address": first.address}))
    retouch = Retouch.find("tests", str(tmp_path))
    retouch.describe()
    retouch.close()
    (tmp_path / "gateway.json").write_text(json.dumps({"address": second.address}))
    time.sleep(0.05)
    assert retouch.describe() == {"a": 1}
    assert retouch.address == second.address


def test_a_new_token_is_read_when_the_old_one_is_refused():
    wire = Wire(answer(401, b"{}"), answer(200, b"{}"))
    tokens = iter(["old", "new"])
    Connections(lambda: Found(wire.address, next(tokens)), "tests", 5).ask("GET", "/v1/hello")
    assert [asked[1][b"authorization"] for asked in wire.asked] == [b"bearer old", b"bearer new"]


def test_no_address_says_how_to_start_it(tmp_path, monkeypatch):
    with pytest.raises(NotRunning, match="retouch serve"):
        find_daemon(str(tmp_path))
    (tmp_path / "gateway.json").write_text("{")
    with pytest.raises(NotRunning, match="cannot be read"):
        find_daemon(str(tmp_path))


def test_the_folder_is_where_the_python_client_looks(tmp_path, monkeypatch):
    from retouch.client.finding import default_folder

    monkeypatch.delenv("RETOUCH_HOME", raising=False)
    for home in ("XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(home, str(tmp_path / home))
        folder = default_folder()
        folder.mkdir(parents=True)
        (folder / "gateway.json").write_text('{"address": "127.0.0.1:1"}')
        (folder / "token").write_text(home)
        assert find_daemon().token == home
        monkeypatch.delenv(home)
        monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    mine = tmp_path / "own" / "daemon"
    mine.mkdir(parents=True)
    (mine / "gateway.json").write_text('{"address": "127.0.0.1:2"}')
    (mine / "token").write_text("own")
    monkeypatch.setenv("RETOUCH_HOME", str(tmp_path / "own"))
    assert find_daemon() == ("127.0.0.1:2", "own")


def test_patience_ends_when_told_or_when_the_time_is_over():
    def gone():
        raise Lost("gone")

    began = time.monotonic()
    with pytest.raises(Lost):
        patiently(gone, 0.2)
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(Stopped):
        patiently(gone, 60, stop)
    assert time.monotonic() - began < 10


def test_what_no_waiting_mends_is_said_at_once():
    calls = []

    def wrong():
        calls.append(1)
        raise Failed("wrong")

    with pytest.raises(Failed):
        patiently(wrong, 60)
    assert len(calls) == 1
