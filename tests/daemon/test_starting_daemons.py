"""A client that starts the daemon it needs, also where several do so at once."""

import os
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from retouch.client import Client
from retouch.client.failures import DaemonFailed
from retouch.client.finding import Endpoint
from retouch.client.starting import serves, start_daemon
from retouch.errors import InvalidField


def daemons(folder):
    """Process ids of the daemons that serve a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"serve" in words and str(folder).encode() in words:
            found.append(int(process.name))
    return found


@pytest.fixture
def endpoint(tmp_path):
    folder = tmp_path / "daemon"
    found = Endpoint(f"unix:{tmp_path / 'sock'}", folder / "token")
    yield found
    for pid in daemons(folder):
        os.kill(pid, signal.SIGTERM)
    for _ in range(1200):
        if not daemons(folder):
            return
        time.sleep(0.1)
    pytest.fail("a daemon does not end")


def test_clients_that_start_at_once_share_one_daemon(endpoint):
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(start_daemon, [endpoint] * 3))
    assert serves(endpoint)
    for _ in range(600):  # the others came too late, and end by themselves
        if len(daemons(endpoint.token_file.parent)) == 1:
            break
        time.sleep(0.1)
    (one,) = daemons(endpoint.token_file.parent)
    with Client(endpoint, start=True) as client:
        assert client.describe().operations
    assert serves(endpoint) and daemons(endpoint.token_file.parent) == [one], "it goes on"
    assert (endpoint.token_file.parent / "serve.log").read_text()


def test_an_address_that_another_program_has_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        endpoint = Endpoint(address, tmp_path / "daemon/token")
        with pytest.raises(DaemonFailed, match="taken"):
            start_daemon(endpoint)
    assert not daemons(tmp_path / "daemon")


def test_another_machine_is_not_started(tmp_path):
    endpoint = Endpoint("example.invalid:7860", tmp_path / "token", ca=tmp_path / "absent")
    with pytest.raises(InvalidField):
        start_daemon(endpoint)
    assert not subprocess.run(["pgrep", "-f", "example.invalid"], capture_output=True).stdout
