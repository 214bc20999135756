"""The gateway's process: it dies, hangs or cannot listen, and the daemon goes on and stops."""

import os
import signal
import socket
import stat
import time

import pytest


def until(holds, seconds=120):
    ends = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < ends
        time.sleep(0.05)
    return found


def test_its_address_is_in_the_folder_while_it_listens(own_bridged, start_with_gateway, wire_of):
    served = start_with_gateway(own_bridged)
    file = served.folder / "gateway.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((served.folder / "gateway").stat().st_mode) == 0o600
    assert wire_of(served.gateway, None).ask("GET", "/v1/hello").status == 200
    served.stop()
    assert not file.exists() and not (served.folder / "gateway").exists()


def test_one_that_dies_is_started_again_and_loses_no_job(bridged, gateways_of, wire, wire_of, edit):
    from_port = bridged.gateway
    job = wire.call("EditService/Submit", {"edit": edit(wire, steps=8)}).json["job"]["jobId"]
    (pid,) = gateways_of(bridged)
    os.kill(pid, signal.SIGKILL)
    until(lambda: gateways_of(bridged) not in ([], [pid]))
    bridged.gateway = until(lambda: _another(bridged, from_port))
    frames = list(wire_of(bridged.gateway, bridged.token).frames(
        "EditService/Watch", {"jobId": job}
    ))  # fmt: skip
    assert "done" in frames[-2][1]["event"]


def _another(served, before):
    import json

    found = json.loads((served.folder / "gateway.json").read_text())["address"]
    return found if found != before else None


def test_it_ends_with_a_daemon_that_was_killed(own_bridged, start_with_gateway, gateways_of):
    served = start_with_gateway(own_bridged)
    (pid,) = gateways_of(served)
    served.kill()
    until(lambda: not os.path.exists(f"/proc/{pid}") or _is_over(pid))
    again = start_with_gateway(served)
    assert gateways_of(again)


def _is_over(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "Z"


def test_one_that_hangs_does_not_keep_the_daemon(own_bridged, start_with_gateway, gateways_of):
    served = start_with_gateway(own_bridged)
    (pid,) = gateways_of(served)
    os.kill(pid, signal.SIGSTOP)
    with served.client() as client:
        assert not client.jobs()
    served.stop()  # it is not waited for
    assert served.process.returncode == 0
    assert not os.path.exists(f"/proc/{pid}")


def test_a_port_that_is_taken_is_said_and_waited_for(own_bridged, capfd, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        own_bridged.start("--gateway-address", f"127.0.0.1:{port}")
        said = until(lambda: _said(capfd, "cannot be had"))
        assert f"gateway-address: 127.0.0.1:{port}" in said
        with own_bridged.client():
            pass  # gRPC is served all the same
        assert not (own_bridged.folder / "gateway.json").exists()
    until(lambda: (own_bridged.folder / "gateway.json").exists())


def _said(capfd, words):
    found = capfd.readouterr().err
    return found if words in found else ""


def test_streams_that_are_open_are_told_of_a_stop(own_bridged, start_with_gateway, wire_of, edit):
    served = start_with_gateway(own_bridged, "--drain-seconds", "0")
    wire = wire_of(served.gateway, served.token)
    job = wire.call("EditService/Submit", {"edit": edit(wire, steps=200)}).json["job"]["jobId"]
    frames = wire.frames("EditService/Watch", {"jobId": job})
    next(frames)
    served.process.send_signal(signal.SIGTERM)
    *_, (flags, last) = frames
    assert flags == 2 and last["error"]["code"] in ("unavailable", "canceled")
    served.process.wait(60)


@pytest.mark.parametrize("address", ["0.0.0.0:7862", "example.com:80", "nothing"])
def test_it_listens_on_loopback_only(address):
    from retouch.errors import InvalidField
    from retouch_daemon.front.settings import Settings

    with pytest.raises(InvalidField, match="gateway-address"):
        Settings(gateway_address=address)


def test_check_says_who_can_connect(tmp_path):
    from retouch_daemon.front.exposure import exposure
    from retouch_daemon.front.settings import Settings

    with_one = Settings(folder=tmp_path, gateway_address="127.0.0.1:7862")
    assert "http://127.0.0.1:7862: every program" in "\n".join(exposure(with_one))
    assert "7862" not in "\n".join(exposure(Settings(folder=tmp_path)))


def test_no_tcp_means_no_gateway_unless_it_is_asked_for(tmp_path):
    import click

    from retouch_daemon.options import serve_options, settings_of

    @click.command()
    @serve_options
    def command(**options):
        options.pop("log_format"), options.pop("log_level")
        found.append(settings_of(options).gateway_address)

    found = []
    for words in (
        [], ["--no-tcp", "--socket", "s"],
        ["--no-tcp", "--socket", "s", "--gateway-address", "127.0.0.1:1"],
        ["--gateway-address", ""],
    ):  # fmt: skip
        command.main(["--folder", str(tmp_path), *words], standalone_mode=False)
    assert found == ["127.0.0.1:7862", "", "127.0.0.1:1", ""]
