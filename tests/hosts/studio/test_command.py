"""``retouch studio``: a daemon is started where none answers, and the page is paired."""

import http.client
import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from retouch_bridge.studio.command import studio

PLACES = ("--", "--address", "127.0.0.1:0", "--gateway-address", "127.0.0.1:0")


def daemons_of(folder):
    """Process ids of the daemons of a folder."""
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
def folder(tmp_path):
    made = tmp_path / "daemon"
    yield made
    for process in daemons_of(made):
        os.kill(process, signal.SIGTERM)
    ends = time.monotonic() + 30
    while daemons_of(made) and time.monotonic() < ends:
        time.sleep(0.05)


def opened(folder, *more):
    done = CliRunner().invoke(studio, ["--folder", str(folder), "--no-browser", *more])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_daemon_is_started_once_and_its_code_is_good_once(folder):
    first = opened(folder, *PLACES)
    assert first.startswith("starting the daemon\n")
    second = opened(folder)
    assert "starting" not in second and len(daemons_of(folder)) == 1
    host, code = re.search(r"http://([^/]+)/studio/#pair=(\d{8})", second).groups()
    connection = http.client.HTTPConnection(host, timeout=30)
    headers = {"Content-Type": "application/json", "Origin": f"http://{host}"}
    statuses = []
    for _ in range(2):
        connection.request("POST", "/v1/pair", json.dumps({"code": code}), headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        statuses.append(answer.status)
    assert statuses[0] == 200 and statuses[1] >= 400 and "retouch pair" in body["message"]


def test_a_daemon_that_cannot_start_says_why(folder):
    done = CliRunner().invoke(studio, ["--folder", str(folder), "--", "--no-such-option"])
    assert done.exit_code == 1
    assert "the daemon ended at its start" in done.output and "--no-such-option" in done.output


def test_where_nothing_answers_it_says_what_to_do(folder):
    done = CliRunner().invoke(studio, ["--folder", str(folder), "--no-start"])
    assert done.exit_code == 1
    assert "Fix: start `retouch serve`" in done.output
