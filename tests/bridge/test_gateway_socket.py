"""Calls over one WebSocket: many at once, cancelled one by one, and live painting."""

import base64
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from retouch_bridge.gateway.socket_calls import MOST_CALLS

SUBPROTOCOL = "retouch.v1.json"


class Socket:
    """One socket, whose frames are JSON."""

    def __init__(self, address, **given):
        given = {"subprotocols": [SUBPROTOCOL], "open_timeout": 20, "close_timeout": 1} | given
        self._entered = connect(f"ws://{address}/v1/events", max_size=8 << 20, **given)
        self.socket = self._entered.__enter__()
        self.kept = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, **frame):
        self.socket.send(json.dumps(frame))

    def frame(self, seconds=60):
        return json.loads(self.socket.recv(seconds))

    def of(self, name, seconds=60):
        """The next frame of a call."""
        for frame in self.kept:
            if frame["id"] == name:
                self.kept.remove(frame)
                return frame
        while (frame := self.frame(seconds))["id"] != name:
            self.kept.append(frame)
        return frame

    def all_of(self, name):
        """The frames of a call to its end."""
        found = [self.of(name)]
        while "done" not in found[-1] and "error" not in found[-1]:
            found.append(self.of(name))
        return found


@pytest.fixture
def opened(bridged):
    with Socket(bridged.gateway) as socket:
        socket.send(token=bridged.token, client="tests")
        yield socket


def closed_with(socket):
    with pytest.raises(ConnectionClosed) as closed:
        socket.socket.recv(20)
    return closed.value.rcvd.code


def test_a_call_is_answered(opened):
    opened.send(id=1, method="BlobService/Missing", message={"sha256": ["0" * 64]})
    answer = opened.frame()
    assert answer == {"id": 1, "message": {"missing": [{"sha256": "0" * 64}]}, "done": True}


def test_the_header_may_show_the_token_too(bridged):
    headers = {"Authorization": f"Bearer {bridged.token}", "Retouch-Client": "tests"}
    with Socket(bridged.gateway, additional_headers=headers) as socket:
        socket.send(id="a", method="EditService/ListJobs")
        assert socket.frame()["done"] is True
    with Socket(bridged.gateway, additional_headers=headers) as socket:
        socket.send(token=bridged.token, client="another")
        socket.send(id="a", method="EditService/ListJobs")
        assert socket.frame() == {"id": "a", "message": {}, "done": True}


def test_without_the_token_it_is_closed(bridged):
    with Socket(bridged.gateway) as socket:
        socket.send(token="wrong")
        assert closed_with(socket) == 4401
    with Socket(bridged.gateway) as socket:
        socket.send(id=1, method="EditService/ListJobs")
        assert closed_with(socket) == 4401
    begin = time.monotonic()
    with Socket(bridged.gateway) as socket:
        assert closed_with(socket) == 4401
    assert 4 < time.monotonic() - begin < 20
    with pytest.raises(InvalidStatus) as refused:
        Socket(bridged.gateway, additional_headers={"Authorization": "Bearer wrong"})
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"subprotocols": None}, 400),
        ({"origin": "https://evil.example"}, 403),
        ({"additional_headers": {"Host": "evil.example"}}, 400),  # a second one
    ],
)
def test_the_handshake_is_refused(bridged, given, status):
    with pytest.raises(InvalidStatus) as refused:
        Socket(bridged.gateway, **given)
    assert refused.value.response.status_code == status


def test_a_name_that_a_page_has_pointed_here_is_refused(wire):
    found = wire.ask(
        "GET", "/v1/events", Host="evil.example", Connection="Upgrade", Upgrade="websocket",
        Sec_WebSocket_Version="13", Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
        Sec_WebSocket_Protocol=SUBPROTOCOL,
    )  # fmt: skip
    assert found.status == 421 and "Fix: " in found.json["message"]


def test_two_jobs_are_followed_and_one_is_cancelled(opened, wire, edit):
    opened.send(id="long", method="EditService/Run", message={"edit": edit(wire, steps=200)})
    opened.send(id="short", method="EditService/Run", message={"edit": edit(wire, steps=3)})
    found = opened.all_of("short")
    assert found[-1] == {"id": "short", "done": True}
    assert "done" in found[-2]["event"]["event"]
    opened.send(id="long", cancel=True)
    last = opened.all_of("long")[-1]
    assert last["error"]["code"] == "canceled"
    opened.send(id="long", method="EditService/ListJobs")
    answer = opened.of("long")
    states = {job["state"] for job in answer["message"]["jobs"]}
    assert "JOB_STATE_RUNNING" not in states, "leaving a Run cancels it"


def test_a_watch_goes_on_over_another_socket(bridged, opened, wire, edit):
    opened.send(id=1, method="EditService/Submit", message={"edit": edit(wire, steps=12)})
    job = opened.frame()["message"]["job"]["jobId"]
    opened.send(id=2, method="EditService/Watch", message={"jobId": job})
    first = opened.of(2)["event"]["event"]
    opened.socket.close()
    with Socket(bridged.gateway) as again:
        again.send(token=bridged.token, client="tests")
        seq = str(int(first["seq"]) + 1)
        again.send(id=1, method="EditService/Watch", message={"jobId": job, "fromSeq": seq})
        found = again.all_of(1)
    seqs = [int(each["event"]["event"]["seq"]) for each in found[:-1]]
    assert seqs == sorted(set(seqs)) and seqs[0] > int(first["seq"])
    assert "done" in found[-2]["event"]["event"]


def test_live_painting(opened, edit, wire):
    size = 128
    rows = bytes(3 * size * size)
    stored = wire.ask("POST", "/v1/blobs", rows).json["sha256"]
    raw = {
        "size": {"width": size, "height": size},
        "channelOrder": "CHANNEL_ORDER_RGB",
        "sampleType": "SAMPLE_TYPE_UINT8",
    }
    whole = edit(wire, model="retouch-mini-lcm", sampling={"steps": 4})
    whole["canvas"] = {"source": {"sha256": stored, "raw": raw}}
    opened.send(id="pen", method="EditService/Live", message={"frame": "1", "edit": whole})
    found = _live(opened, "1")
    assert base64.b64decode(found["data"]).startswith(b"\x89PNG")
    stroke = {
        "rect": {"x": 8, "y": 8, "width": 64, "height": 64},
        "pixels": base64.b64encode(b"\xff\x20\x20" * 64 * 64).decode(),
    }
    opened.send(id="pen", message={"frame": "2", "change": {"dirty": [stroke]}})
    assert base64.b64decode(_live(opened, "2")["data"]) != base64.b64decode(found["data"])
    opened.send(id="pen", end=True)
    assert opened.all_of("pen")[-1] == {"id": "pen", "done": True}


def _live(socket, number):
    while True:
        frame = socket.of("pen")
        assert "event" in frame, frame
        if "result" in frame["event"] and frame["event"]["frame"] == number:
            return frame["event"]
        assert "failed" not in frame["event"], frame


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nothing", "invalid_argument"),
        ("[1]", "invalid_argument"),
        ('{"id": null}', "invalid_argument"),
        ('{"id": true, "method": "EditService/Plan"}', "invalid_argument"),
        ('{"id": "%s"}' % ("x" * 65), "invalid_argument"),
        ('{"id": 1}', "unimplemented"),
        ('{"id": 1, "method": "No/No"}', "unimplemented"),
        ('{"id": 1, "method": "BlobService/Get", "message": {}}', "unimplemented"),
        ('{"id": 1, "method": ["EditService/Plan"]}', "unimplemented"),
        ('{"id": 1, "method": "EditService/Plan", "message": 5}', "invalid_argument"),
        ('{"id": 1, "method": "EditService/Plan", "message": {"no": 1}}', "invalid_argument"),
        ('{"id": 1, "method": "EditService/Plan", "what": 1}', "invalid_argument"),
        ('{"id": 1, "method": "EditService/Watch", "message": {"jobId": "x"}}', "not_found"),
        ("[" * 100_000, "invalid_argument"),
    ],
)
def test_a_bad_frame_is_one_clear_error_and_the_socket_goes_on(opened, text, code):
    opened.socket.send(text)
    assert opened.frame()["error"]["code"] == code
    opened.send(id="next", method="EditService/ListJobs")
    assert opened.frame()["done"] is True


def test_an_open_name_is_not_used_twice_and_calls_are_bounded(opened, wire, edit):
    opened.send(id=0, method="EditService/Submit", message={"edit": edit(wire, steps=200)})
    job = opened.frame()["message"]["job"]["jobId"]
    for number in range(MOST_CALLS + 1):
        opened.send(id=f"{number}", method="EditService/Watch", message={"jobId": job})
    refused = opened.of(f"{MOST_CALLS}")
    assert refused["error"]["code"] == "resource_exhausted"
    opened.send(id="0", method="EditService/ListJobs")
    while "error" not in (frame := opened.of("0")):
        pass
    assert frame["error"]["code"] == "invalid_argument", "the call goes on"
    wire.call("EditService/Cancel", {"jobIds": [job]})
    assert opened.all_of("0")[-1] == {"id": "0", "done": True}


def test_binary_frames_and_too_long_ones_close_it(bridged):
    with Socket(bridged.gateway) as socket:
        socket.send(token=bridged.token)
        socket.socket.send(b"\0")
        assert closed_with(socket) == 1003
    with Socket(bridged.gateway) as socket:
        socket.send(token=bridged.token)
        with pytest.raises(ConnectionClosed) as closed:
            socket.socket.send("x" * (5 << 20))
            socket.socket.recv(20)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


def test_a_client_that_does_not_read_holds_up_nobody(bridged, opened, wire, edit):
    for number in range(20):
        opened.send(id=number, method="CatalogService/Describe")
    begin = time.monotonic()
    assert wire.call("BlobService/Missing", {}).status == 200
    assert time.monotonic() - begin < 10
