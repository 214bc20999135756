"""An operation that never ends, in a real engine: the signs of life end, too, so it is noticed."""

import hashlib
import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from retouch.v1 import edit_pb2, image_pb2, operation_pb2
from retouch_daemon.link.blocking import BlockingLink
from retouch_daemon.link.frames import Frame

HOUSE = Path(__file__).resolve().parents[2] / "sdk/retouch/demo/house.png"
STEP_SECONDS = 2.0
PLUGIN = """
import time
from dataclasses import dataclass
from typing import ClassVar

from retouch.operation import Operation, Stage


@dataclass(frozen=True, kw_only=True)
class Stuck(Operation):
    name: ClassVar[str] = "acme_stuck"
    stage: ClassVar[Stage] = Stage.PROJECTION
    summary: ClassVar[str] = "Never end"
    source: ClassVar[str] = "none"

    def denoise(self, inner, edit):
        def denoise(x, level, condition):
            yield from inner(x, level, condition)
            while True:
                time.sleep(0.01)

        return denoise
"""


@pytest.fixture
def site(tmp_path):
    """A package with an entry point, as pip would have installed it."""
    (tmp_path / "acme_stuck.py").write_text(textwrap.dedent(PLUGIN))
    info = tmp_path / "acme_stuck-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-stuck\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[retouch.operations]\nacme_stuck = acme_stuck:Stuck\n")
    return tmp_path


@pytest.fixture
def link(site):
    ours, theirs = socket.socketpair()
    blobs = site / "blobs"
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    words = ["-m", "retouch_daemon.engine", "--link", str(theirs.fileno()), "--beat", "0.1"]
    words += ["--blobs", str(blobs), "--device", "cpu", "--step-seconds", str(STEP_SECONDS)]
    process = subprocess.Popen(
        [sys.executable, *words],
        pass_fds=(theirs.fileno(),),
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )
    theirs.close()
    yield BlockingLink(ours), blobs, ours
    ours.close()
    process.kill()
    process.wait()


def stored(blobs):
    data = HOUSE.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest[:2]).mkdir(parents=True)
    (blobs / digest[:2] / digest).write_bytes(data)
    return digest


def request(digest, *names):
    found = edit_pb2.EditRequest(
        canvas=edit_pb2.Canvas(source=image_pb2.ImageRef(sha256=digest)),
        prompt=edit_pb2.Prompt(text="a red house"),
        operations=[operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.6))],
    )
    found.sampling.steps = 2
    for name in names:
        found.operations.add().custom.Pack(operation_pb2.CustomOperation(name=name))
    return found.SerializeToString()


def until(link, kind):
    while (frame := link.receive()).kind != kind:
        assert frame.kind != "closed"
    return frame


def test_an_operation_that_never_ends_ends_the_signs_of_life(link):
    link, blobs, ours = link
    digest = stored(blobs)
    until(link, "ready")
    values = {"attempt": 1, "client": "c", "priority": 1}
    link.send(Frame("start", {**values, "job_id": "good"}, request(digest)))
    assert until(link, "finished").values["job_id"] == "good"
    time.sleep(STEP_SECONDS + 0.5)  # at rest for longer than a step may take
    until(link, "beat")
    link.send(Frame("start", {**values, "job_id": "stuck"}, request(digest, "acme_stuck")))
    ours.settimeout(2.5)  # many beats
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        while True:
            assert link.receive().kind in ("beat", "progress", "loading")
            assert time.monotonic() - began < 120
    assert time.monotonic() - began > STEP_SECONDS
