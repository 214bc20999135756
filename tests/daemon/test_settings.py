"""How a daemon is set up: never open to other machines, and honest about what it exposes."""

import os
from pathlib import Path

import pytest

from retouch.errors import InvalidField
from retouch_daemon.front.exposure import exposure
from retouch_daemon.front.settings import (
    DEFAULT_ADDRESS,
    Settings,
    default_folder,
)
from retouch_daemon.front.tls import TlsFiles
from retouch_daemon.storage.blob_limits import BlobLimits


@pytest.mark.parametrize(
    "address",
    [
        DEFAULT_ADDRESS,
        "127.0.0.1:0",
        "127.8.9.10:65535",
        "[::1]:7860",
        "localhost:7860",
    ],
)
def test_loopback_is_allowed(address):
    assert Settings(address=address).address == address


@pytest.mark.parametrize("name", ["address", "status-address"])
@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:7860",
        "[::]:7860",
        "192.168.1.2:7860",
        "8.8.8.8:7860",
        "[fe80::1]:7860",
        "example.com:7860",
        "localhost.example.com:7860",
        "127.0.0.1.example.com:7860",
    ],
)
def test_other_machines_are_let_in_with_tls_only(address, name, authority):
    given = {name.replace("-", "_"): address}
    with pytest.raises(InvalidField, match="--tls-cert and --tls-key") as caught:
        Settings(**given)
    assert caught.value.field == name
    tls = TlsFiles(*authority.issue("server"))
    assert Settings(**given, tls=tls).remote == (name == "address")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65536",
     "127.0.0.1:²", "127.0.0.1:٣", "localhost", " ", ":7860", "*:7860", "0:7860", "::1:7860",
     "127.0.0.1:7860,0.0.0.0:7860", "ipv4:0.0.0.0:7860", "dns:///example.com:7860",
     "unix:/tmp/open.sock", "a b:1", "[127.0.0.1]:1"],
)  # fmt: skip
def test_an_address_is_a_host_and_a_port(address):
    with pytest.raises(InvalidField, match="with a port"):
        Settings(address=address)


def test_a_daemon_listens_somewhere():
    with pytest.raises(InvalidField, match="give one"):
        Settings(address="")
    assert Settings(address="", socket=Path("/run/x.sock")).socket == Path("/run/x.sock")


@pytest.mark.parametrize("name", ["s" * 100, "é" * 60])
def test_a_socket_that_no_system_can_make_is_refused(name):
    assert Settings(socket=Path("/" + name[:40]))
    with pytest.raises(InvalidField, match="100 bytes") as caught:
        Settings(socket=Path("/" + name))
    assert caught.value.field == "socket"


def test_all_that_is_kept_lies_in_one_folder(tmp_path):
    settings = Settings(folder=tmp_path)
    kept = [settings.token_file, settings.blobs, settings.database]
    assert {each.parent for each in kept} == {tmp_path}
    assert len(set(kept)) == 3


def test_defaults_are_this_users_own(monkeypatch, tmp_path):
    if os.name != "posix":
        pytest.skip("variables of POSIX desktops")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    assert Settings().folder == default_folder()
    assert Settings().socket is None, "a socket is asked for"
    assert not (tmp_path / "data").exists(), "asking makes nothing"


def test_the_exposure_names_what_is_open_and_what_is_kept(tmp_path):
    limits = BlobLimits(total_bytes=3 << 30)
    both = Settings(
        folder=tmp_path, socket=Path("/run/x.sock"), keep_days=2.5, policy="strict", limits=limits
    )
    told = "\n".join(exposure(both))
    for word in (DEFAULT_ADDRESS, str(tmp_path / "token"), "/run/x.sock", "2.5 days", "3 GiB"):
        assert word in told
    assert "profile strict" in told
    assert "No other machine can connect." in told


def test_the_exposure_does_not_speak_of_what_is_closed(tmp_path):
    socket_only = "\n".join(exposure(Settings(folder=tmp_path, address="", socket=Path("/x"))))
    assert "TCP" not in socket_only
    assert "Unix socket" in socket_only
    address_only = "\n".join(exposure(Settings(folder=tmp_path)))
    assert "TCP" in address_only
    assert "Unix socket" not in address_only


def test_the_exposure_names_the_code_that_may_run(tmp_path):
    open_to_all = "\n".join(exposure(Settings(folder=tmp_path)))
    assert "every installed package are loaded: retouch" in open_to_all
    assert "wherever this user added them" in open_to_all
    chosen = Settings(folder=tmp_path, operations=("sdedit",), models=(tmp_path,))
    told = "\n".join(exposure(chosen))
    assert "Only these operations are loaded: sdedit." in told
    assert f"Only models below {tmp_path} are loaded" in told
    assert chosen.environment() == {
        "RETOUCH_OPERATIONS": "sdedit", "RETOUCH_MODEL_ROOTS": str(tmp_path.resolve())
    }  # fmt: skip
    assert Settings(folder=tmp_path).environment() == {}


def test_the_exposure_names_the_status(tmp_path):
    told = "\n".join(exposure(Settings(folder=tmp_path, status_address="127.0.0.1:7861")))
    assert "http://127.0.0.1:7861/metrics" in told
    assert f"Status for this user alone: {tmp_path}/status (mode 0600)." in told
    assert "http" not in "\n".join(exposure(Settings(folder=tmp_path)))


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"operations": ("sdedit", "typo")}, "allow-operations", "soft_mask"),
        ({"models": (Path("/nowhere/at/all"),)}, "models", "a folder"),
    ],
)
def test_what_may_be_loaded_must_be_there(given, field, words):
    with pytest.raises(InvalidField, match=words) as caught:
        Settings(**given)
    assert caught.value.field == field
