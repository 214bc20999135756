"""What the bridge costs: pictures and first previews through the gateway and through native gRPC.

One daemon, asked in turns by both, with new bytes every time. Goals: a 4096 x 4096 RGBA picture
there and back takes at most twice as long; the first preview comes at most 60 ms later. Goals that
are missed are reported, never an error.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import statistics
import struct
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import grpc
from cases import record
from endurance.served import Served
from google.protobuf.json_format import MessageToDict

from retouch.v1 import (
    blob_service_pb2,
    blob_service_pb2_grpc,
    edit_pb2,
    edit_service_pb2,
    edit_service_pb2_grpc,
    image_pb2,
    operation_pb2,
)

PIECE = 1 << 20
SIDE = 4096
GOAL_FACTOR, GOAL_MILLISECONDS = 2.0, 60.0
DEMO = record.ROOT / "sdk" / "retouch" / "demo" / "house.png"


class Native:
    """A client over gRPC, as the SDK's is.

    Args:
        target: address, or ``unix:`` and a path.
        token: of the daemon.
    """

    def __init__(self, target: str, token: str) -> None:
        self._channel = grpc.insecure_channel(target)
        self._blobs = blob_service_pb2_grpc.BlobServiceStub(self._channel)
        self._edits = edit_service_pb2_grpc.EditServiceStub(self._channel)
        self._metadata = (("authorization", f"Bearer {token}"), ("retouch-client", "bridge"))

    def put(self, digest: str, data: bytes) -> None:
        """Upload bytes."""
        pieces = (
            blob_service_pb2.PutRequest(sha256=digest, chunk=data[at : at + PIECE])
            for at in range(0, len(data), PIECE)
        )
        self._blobs.Put(pieces, metadata=self._metadata)

    def get(self, digest: str) -> bytes:
        """Download bytes."""
        asked = blob_service_pb2.GetRequest(sha256=digest)
        return b"".join([a.chunk for a in self._blobs.Get(asked, metadata=self._metadata)])

    def first_preview(self, edit: edit_pb2.EditRequest) -> bytes:
        """Submit an edit; return its first preview, then cancel it."""
        submitted = self._edits.Submit(
            edit_service_pb2.SubmitRequest(edit=edit), metadata=self._metadata
        )
        asked = edit_service_pb2.WatchRequest(job_id=submitted.job.job_id)
        events = self._edits.Watch(asked, metadata=self._metadata)
        digest = next(a.event.preview.image.sha256 for a in events if a.event.HasField("preview"))
        found = self.get(digest)
        events.cancel()
        return found

    def end(self, edit: edit_pb2.EditRequest) -> None:
        """Cancel the jobs of an edit's group, and wait until none is at work."""
        cancel = edit_service_pb2.CancelRequest(group=edit.group)
        self._edits.Cancel(cancel, metadata=self._metadata)
        states = (edit_service_pb2.JOB_STATE_QUEUED, edit_service_pb2.JOB_STATE_RUNNING)
        asked = edit_service_pb2.ListJobsRequest(states=states)
        while self._edits.ListJobs(asked, metadata=self._metadata).jobs:
            time.sleep(0.01)


class Bridged:
    """A client over the gateway, with the standard library alone, as plugins are.

    Args:
        address: of the gateway.
        token: of the daemon.
    """

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._connection = http.client.HTTPConnection(address, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Retouch-Client": "bridge"}

    def put(self, digest: str, data: bytes) -> None:
        """Upload bytes."""
        self._asked(self._connection, "PUT", f"/v1/blobs/{digest}", data).read()

    def get(self, digest: str) -> bytes:
        """Download bytes."""
        return self._asked(self._connection, "GET", f"/v1/blobs/{digest}").read()

    def first_preview(self, edit: edit_pb2.EditRequest) -> bytes:
        """Submit an edit; return its first preview."""
        body = json.dumps({"edit": MessageToDict(edit)}).encode()
        path, kind = "/retouch.v1.EditService/", "application/json"
        submitted = self._asked(self._connection, "POST", f"{path}Submit", body, kind).read()
        asked = json.dumps({"jobId": json.loads(submitted)["job"]["jobId"]}).encode()
        stream = http.client.HTTPConnection(self._address, timeout=60)
        frame, kind = struct.pack(">BI", 0, len(asked)) + asked, "application/connect+json"
        events = _events(self._asked(stream, "POST", f"{path}Watch", frame, kind))
        digest = next(e["preview"]["image"]["sha256"] for e in events if "preview" in e)
        found = self.get(digest)
        stream.close()
        return found

    def _asked(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None = None,
        kind: str = "application/octet-stream",
    ) -> http.client.HTTPResponse:
        connection.request(method, path, body, self._headers | {"Content-Type": kind})
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.read()[:300]!r}")
        return answer


def _events(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    while head := answer.read(5):
        flags, length = struct.unpack(">BI", head)
        message = json.loads(answer.read(length))
        if flags == 0:
            yield message["event"]


def measured_pictures(
    clients: dict[str, Native | Bridged], rounds: int
) -> dict[str, dict[str, float]]:
    """Return medians of seconds there, back and both, of every client; asked in turns."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in clients}
    for number in range(rounds + 1):
        for name in _turn(list(clients), number):
            data = os.urandom(4 * SIDE * SIDE)
            digest = hashlib.sha256(data).hexdigest()
            there, _ = _timed(clients[name].put, digest, data)
            back, found = _timed(clients[name].get, digest)
            assert found == data
            if number:  # the first round warms up
                taken[name].append((there, back))
    return {
        name: {
            "there_s": statistics.median(there for there, _ in times),
            "back_s": statistics.median(back for _, back in times),
            "both_s": statistics.median(there + back for there, back in times),
        }
        for name, times in taken.items()
    }


def measured_previews(
    clients: dict[str, Native | Bridged], native: Native, rounds: int
) -> dict[str, float]:
    """Return medians of milliseconds from the click to the first preview, of every client."""
    data = DEMO.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    native.put(digest, data)
    taken: dict[str, list[float]] = {name: [] for name in clients}
    for number in range(rounds + 1):
        for name in _turn(list(clients), number):
            edit = _edit(digest)
            seconds, _ = _timed(clients[name].first_preview, edit)
            native.end(edit)
            if number:
                taken[name].append(1000 * seconds)
    return {name: statistics.median(times) for name, times in taken.items()}


def _edit(digest: str) -> edit_pb2.EditRequest:
    found = edit_pb2.EditRequest(
        client_job_id=uuid.uuid4().hex,
        group="bridge",
        canvas=edit_pb2.Canvas(source=image_pb2.ImageRef(sha256=digest)),
        prompt=edit_pb2.Prompt(text="a red house"),
        operations=[operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.6))],
    )
    found.sampling.steps = 40
    found.output.preview.every_steps = 4
    return found


def _turn(names: list[str], number: int) -> list[str]:
    """The order of a round: who comes first changes."""
    return names[number % len(names) :] + names[: number % len(names)]


def _timed(doing: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    found = doing(*given)
    return time.perf_counter() - began, found


def _started(served: Served, seconds: float = 120.0) -> str:
    """Start a daemon, wait until edits can run, and return its gateway's address."""
    served.start()
    file, ends = served.folder / "gateway.json", time.monotonic() + seconds
    while not (served.serves() and file.exists()):
        if time.monotonic() > ends:
            raise RuntimeError(f"the daemon does not serve; see {served.log}")
        time.sleep(0.1)
    return str(json.loads(file.read_text("utf-8"))["address"])


def _measured(folder: Path, rounds: int) -> dict[str, Any]:
    socket = folder / "socket"
    options = ("--gateway-address", "127.0.0.1:0", "--socket", str(socket))
    served = Served(folder / "daemon", (*options, "--client-calls-per-second", "100000"))
    try:
        gateway = _started(served)
        token = (served.folder / "token").read_text("ascii").strip()
        native = Native(served.endpoint.address, token)
        clients: dict[str, Native | Bridged] = {
            "gRPC, TCP": native,
            "gRPC, Unix socket": Native(f"unix:{socket}", token),
            "gateway": Bridged(gateway, token),
        }
        pictures = measured_pictures(clients, rounds)
        both = {name: clients[name] for name in ("gRPC, TCP", "gateway")}
        previews = measured_previews(both, native, 2 * rounds)
    finally:
        served.stop()
    return {"picture_4k_rgba8": pictures, "first_preview_ms": previews, "rounds": rounds}


def main() -> int:
    """Measure, print, and say which goals were missed."""
    parser = record.arguments("What does the bridge cost?")
    parser.add_argument("--rounds", type=int, default=7, help="of every client (default 7)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RETOUCH_HOME"] = str(Path(folder) / "home")
        found = _measured(Path(folder), options.rounds)
    pictures, previews = found["picture_4k_rgba8"], found["first_preview_ms"]
    rows = [[name, *times.values()] for name, times in pictures.items()]
    record.print_table(["4096 x 4096 RGBA, 64 MiB", "there s", "back s", "both s"], rows)
    factor = pictures["gateway"]["both_s"] / pictures["gRPC, TCP"]["both_s"]
    later = previews["gateway"] - previews["gRPC, TCP"]
    found |= {"picture_factor": factor, "first_preview_overhead_ms": later}
    print(f"gateway / gRPC: {factor:.2f} (goal: at most {GOAL_FACTOR:g})")
    print(f"first preview: {later:.0f} ms later (goal: at most {GOAL_MILLISECONDS:g} ms)")
    if factor > GOAL_FACTOR or later > GOAL_MILLISECONDS:
        print("MISSED: see above")
    if options.json:
        record.write_json(options.json, 0, {"bridge": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
