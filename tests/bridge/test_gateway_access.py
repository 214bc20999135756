"""Who may ask: names of this machine, listed origins, the token, and clients that have paired."""

import json
import os
import stat

import pytest
from click.testing import CliRunner

from retouch_bridge.gateway.pair_command import pair
from retouch_bridge.gateway.paired_clients import PairedClients
from retouch_bridge.gateway.pairing import SECONDS, TRIES, Pairing
from retouch_bridge.gateway.refusals import Refused

PAGE = "https://panel.example"


@pytest.mark.parametrize(
    "path",
    ["/retouch.v1.EditService/Plan", "/v1/blobs", "/v1/pair/code", "/v1/paired", "/metrics",
     "/status.json", "/sdapi/v1/progress", "/nothing"],
)  # fmt: skip
def test_everything_needs_the_token(bridged, wire_of, path):
    for token in (None, "", "wrong", bridged.token[:-1], "ä"[:0] + bridged.token + "x"):
        found = wire_of(bridged.gateway, token).ask("POST", path, b"{}")
        assert found.status == 401 and found.json["code"] == "unauthenticated"
        assert found.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_that_is_shown_twice_is_none(bridged, wire):
    wire.connection.putrequest("GET", "/status.json")
    for _ in range(2):
        wire.connection.putheader("Authorization", f"Bearer {bridged.token}")
    wire.connection.endheaders()
    answer = wire.connection.getresponse()
    answer.read()
    assert answer.status == 401


def test_only_names_of_this_machine_are_answered(bridged, wire):
    port = bridged.gateway.rpartition(":")[2]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"LocalHost:{port}"):
        assert wire.ask("GET", "/v1/hello", Host=host).status == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port}1", ""):
        found = wire.ask("GET", "/v1/hello", Host=host)
        assert found.status == 421 and found.json["code"] == "permission_denied"


def test_pages_of_other_origins_are_refused_whatever_they_know(wire):
    for origin in (PAGE, "null", "http://127.0.0.1:1", "https://" + wire.address):
        found = wire.ask("GET", "/status.json", Origin=origin)
        assert found.status == 403 and "retouch pair" in found.json["message"]
        assert found.headers["Access-Control-Allow-Origin"] is None
        before = wire.ask(
            "OPTIONS", "/status.json", Origin=origin, Access_Control_Request_Method="GET"
        )
        assert before.status == 403
    own = wire.ask("GET", "/status.json", Origin=f"http://{wire.address}")
    assert own.status == 200
    assert own.headers["Access-Control-Allow-Origin"] == f"http://{wire.address}"


def test_a_name_that_is_none_is_refused(wire):
    found = wire.ask("GET", "/status.json", Retouch_Client="no name")
    assert found.status == 400 and "Retouch-Client" in found.json["message"]


def test_a_page_is_paired_and_forgotten(bridged, wire, wire_of):
    page = wire_of(bridged.gateway, None, "")
    hello = page.ask("GET", "/v1/hello", Origin=PAGE)
    assert hello.json["needs"] == "pairing"
    assert hello.headers["Access-Control-Allow-Origin"] == PAGE
    closed = page.ask(
        "POST", "/v1/pair", b'{"code": "12345678"}', Content_Type="application/json", Origin=PAGE
    )
    assert closed.json["code"] == "failed_precondition"
    shown = wire.ask("POST", "/v1/pair/code").json["code"]
    assert len(shown) == 8 and shown.isdecimal()
    assert wire.ask("GET", "/status.json").json["gateway"]["pairing_code"] == shown
    asked = json.dumps({"code": f"{shown[:4]} {shown[4:]}", "client": "panel"})
    traded = page.ask("POST", "/v1/pair", asked, Content_Type="application/json", Origin=PAGE)
    assert traded.headers["Access-Control-Allow-Origin"] == PAGE
    page.token = traded.json["token"]
    assert page.token != bridged.token
    again = page.ask("POST", "/v1/pair", asked, Content_Type="application/json", Origin=PAGE)
    assert again.json["code"] == "failed_precondition", "a code is good once"
    assert page.call("CatalogService/Describe", Origin=PAGE).status == 200
    before = page.ask("OPTIONS", "/v1/blobs", Origin=PAGE, Access_Control_Request_Method="POST")
    assert before.status == 204
    assert "authorization" in before.headers["Access-Control-Allow-Headers"]
    for path in ("/v1/pair/code", "/v1/paired"):
        assert page.ask("GET", path, Origin=PAGE).status == 403, "who has paired lets nobody in"
    file = bridged.folder / "paired.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert page.token not in file.read_text() and PAGE in file.read_text()
    listed = CliRunner().invoke(pair, ["--folder", str(bridged.folder), "--list"])
    assert listed.exit_code == 0 and "panel" in listed.output and PAGE in listed.output
    gone = CliRunner().invoke(pair, ["--folder", str(bridged.folder), "--forget", "panel"])
    assert gone.output == "forgotten: 1\n"
    assert page.ask("GET", "/status.json", Origin=PAGE).status == 403
    assert page.ask("GET", "/status.json").status == 401


def test_retouch_pair_shows_a_code_and_who_came(bridged, wire_of, monkeypatch):
    page = wire_of(bridged.gateway, None, "")

    def entered(seconds):
        code = json.loads((bridged.folder / "gateway.json").read_text()) and shown()
        asked = json.dumps({"code": code, "client": "studio"})
        assert page.ask("POST", "/v1/pair", asked, Content_Type="application/json").status == 200

    def shown():
        owner = wire_of(bridged.gateway, bridged.token)
        return owner.ask("GET", "/v1/pair/code").json["code"]

    monkeypatch.setattr("retouch_bridge.gateway.pair_command.time.sleep", entered)
    done = CliRunner().invoke(pair, ["--folder", str(bridged.folder)])
    assert done.exit_code == 0 and done.output.startswith("code: ")
    assert done.output.endswith("paired: studio\n")
    CliRunner().invoke(pair, ["--folder", str(bridged.folder), "--forget", "studio"])


def test_retouch_pair_says_what_to_do_without_a_daemon(tmp_path):
    done = CliRunner().invoke(pair, ["--folder", str(tmp_path)])
    assert done.exit_code == 1 and "Fix: start `retouch serve`" in done.output


def test_a_code_ends_with_its_time_and_its_tries(tmp_path):
    now = [0.0]
    pairing = Pairing(PairedClients(tmp_path / "paired.json"), lambda: now[0])
    code, _ = pairing.open()
    now[0] = SECONDS - 1
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    for left in range(TRIES - 1, -1, -1):
        with pytest.raises(Refused, match=f"{left} tries" if left else "closed"):
            pairing.trade(wrong, "x", "")
    with pytest.raises(Refused, match="no code is open"):
        pairing.trade(code, "x", "")
    code, _ = pairing.open()
    now[0] += SECONDS + 1
    with pytest.raises(Refused, match="no code is open"):
        pairing.trade(code, "x", "")
    first, _ = pairing.open()
    second, _ = pairing.open()
    if first != second:
        with pytest.raises(Refused, match="not the code"):
            pairing.trade(first, "x", "")
    assert pairing.trade(second, "x", "")


def test_who_has_paired_is_remembered_and_damage_is_not(tmp_path):
    file = tmp_path / "paired.json"
    token = PairedClients(file).add("panel", PAGE)
    assert PairedClients(file).has_token(token) and PairedClients(file).has_origin(PAGE)
    assert not PairedClients(file).has_token("") and not PairedClients(file).has_origin("")
    file.write_text('[{"name": 1}]')
    assert not PairedClients(file).has_token(token)
    file.unlink()
    assert PairedClients(file).all() == []
    assert os.listdir(tmp_path) == []
