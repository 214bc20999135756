"""A daemon of this user, started where none runs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from retouch.client.channels import is_loopback, open_channel
from retouch.client.failures import DaemonFailed
from retouch.client.finding import Endpoint
from retouch.errors import InvalidField

#: Seconds between two looks, for one look, and until the daemon must serve.
_PAUSE: Final = 0.1
_LOOK: Final = 1.0
START_SECONDS: Final = 60.0
_COMMAND: Final = "from retouch.cli.main import main; main()"
#: What a daemon says that came too late: another one has the folder, and is about to serve.
_TAKEN: Final = "another daemon uses"
_SHOWN: Final = 500


def start_daemon(endpoint: Endpoint, seconds: float = START_SECONDS) -> None:
    """Make sure that a daemon serves at an endpoint of this machine.

    Several callers at once start one: a daemon locks its folder, the one of the token's file, and
    those that come later end by themselves. It goes on when the caller ends; what it says is in
    ``serve.log`` in that folder.

    Raises:
        InvalidField: another machine. DaemonFailed: it does not serve after so many seconds.
    """
    if serves(endpoint):
        return
    if not endpoint.address.startswith("unix:") and not is_loopback(endpoint.address):
        fix = "start it there with `retouch serve`"
        raise InvalidField("start", endpoint.address, "a daemon of this machine", fix)
    folder = endpoint.token_file.parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "serve.log").open("a+", encoding="utf-8") as log:
        log.seek(0, 2)
        began = log.tell()
        process = _spawned(endpoint, folder, log)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if serves(endpoint):
                return
            if process.poll() is not None and _TAKEN not in (said := _said(log, began)):
                raise DaemonFailed(f"the daemon ended at its start: {said}")
            time.sleep(_PAUSE)
    process.terminate()
    message = f"the daemon does not serve {endpoint.address} after {seconds:g} s"
    raise DaemonFailed(f"{message}. Fix: see {folder / 'serve.log'}.", retryable=True)


def serves(endpoint: Endpoint) -> bool:
    """Return whether a daemon answers at an endpoint; edits may have to wait for its workers."""
    channel = open_channel(endpoint)
    try:
        asked = health_pb2.HealthCheckRequest()
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(asked, timeout=_LOOK)
    except grpc.RpcError:
        return False
    finally:
        channel.close()
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _spawned(endpoint: Endpoint, folder: Path, log: IO[str]) -> subprocess.Popen[bytes]:
    arguments = ["serve", "--folder", str(folder)]
    if endpoint.address.startswith("unix:"):
        arguments += ["--no-tcp", "--socket", endpoint.address.removeprefix("unix:")]
    else:
        arguments += ["--address", endpoint.address]
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,  # it outlives the terminal of whoever asked first
    )


def _said(log: IO[str], began: int) -> str:
    log.seek(began)
    lines = log.read().strip().splitlines()
    return lines[-1][:_SHOWN] if lines else "it said nothing"
