"""How a daemon is set up: never open to other machines, and honest about what it exposes."""

import os
from pathlib import Path

import pytest

from retouch.errors import InvalidField
from retouch_daemon.front.settings import (
    DEFAULT_ADDRESS,
    Settings,
    default_folder,
)
from retouch_daemon.storage.blob_store import BlobLimits


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


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:7860",
        "[::]:7860",
        ":7860",
        "*:7860",
        "192.168.1.2:7860",
        "8.8.8.8:7860",
        "[fe80::1]:7860",
        "example.com:7860",
        "localhost.example.com:7860",
        "127.0.0.1.example.com:7860",
        "0:7860",
        "127.0.0.1:7860,0.0.0.0:7860",
        "ipv4:0.0.0.0:7860",
        "dns:///example.com:7860",
        "unix:/tmp/open.sock",
    ],
)
def test_other_machines_are_never_let_in(address):
    with pytest.raises(InvalidField, match="SSH tunnel") as caught:
        Settings(address=address)
    assert caught.value.field == "address"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65536",
     "127.0.0.1:²", "127.0.0.1:٣", "localhost", " "],
)  # fmt: skip
def test_an_address_needs_a_port(address):
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
    ).exposure()
    told = "\n".join(both)
    for word in (DEFAULT_ADDRESS, str(tmp_path / "token"), "/run/x.sock", "2.5 days", "3 GiB"):
        assert word in told
    assert "profile strict" in told
    assert "No other machine can connect." in both


def test_the_exposure_does_not_speak_of_what_is_closed(tmp_path):
    socket_only = "\n".join(Settings(folder=tmp_path, address="", socket=Path("/x")).exposure())
    assert "TCP" not in socket_only
    assert "Unix socket" in socket_only
    address_only = "\n".join(Settings(folder=tmp_path).exposure())
    assert "TCP" in address_only
    assert "Unix socket" not in address_only
