"""A daemon in processes of its own, that can be killed and started again on the same address."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from retouch.client.finding import Endpoint
from retouch.client.starting import serves

#: ``retouch serve``, with another number of jobs that are remembered: what bounds the journal is
#: then reached within minutes.
_SERVE = """
import functools, sys
from retouch_daemon import options
from retouch_daemon.storage.job_limits import JobLimits
options.JobLimits = functools.partial(JobLimits, kept_per_client=int(sys.argv.pop(1)))
from retouch.cli.main import main
main()
"""
WORKERS = ("engine", "gate")


class Served:
    """One daemon; :meth:`start` again is a restart.

    Args:
        folder: what it keeps.
        options: of ``retouch serve``.
        kept_jobs: jobs of one client that are remembered.
    """

    def __init__(self, folder: Path, options: Sequence[str] = (), kept_jobs: int = 10_000) -> None:
        self.folder, self.log = folder, folder.with_name(f"{folder.name}.log")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._options, self._kept_jobs = tuple(options), kept_jobs
        self.port = _free_port()
        self.endpoint = Endpoint(f"127.0.0.1:{self.port}", folder / "token", ca=None)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the front; it starts its workers. What all say goes to ``log``."""
        words = ["serve", "--address", self.endpoint.address, "--folder", str(self.folder)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(self._kept_jobs), *words, *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
                start_new_session=True,
            )

    def serves(self) -> bool:
        """Whether it answers. Raises RuntimeError where it has ended by itself."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the daemon ended with {self.process.returncode}; see {self.log}")
        return serves(self.endpoint)

    def ended(self) -> int | None:
        """With what its front has ended; None while it runs."""
        assert self.process is not None
        return self.process.poll()

    def pids(self) -> dict[str, int]:
        """Process ids that are alive, by ``front``, ``engine``, ``gate``, ``inspector``."""
        assert self.process is not None
        found = {"front": self.process.pid}
        try:
            for child in psutil.Process(self.process.pid).children():
                words = child.cmdline()
                if "-m" in words:
                    name = words[words.index("-m") + 1].rpartition(".")[2]
                    if child.status() != psutil.STATUS_ZOMBIE:
                        found[name] = child.pid
        except psutil.NoSuchProcess:
            pass  # it ended meanwhile
        return found

    def kill(self, name: str) -> bool:
        """``kill -9`` one of its processes; False where there is none at the moment."""
        pid = self.pids().get(name)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        if name == "front":
            assert self.process is not None
            self.process.wait()
        return True

    def stop(self) -> None:
        """End it as a service would, and for good."""
        if self.process is not None and self.process.poll() is None:
            children = psutil.Process(self.process.pid).children(recursive=True)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            for child in psutil.wait_procs(children, timeout=10)[1]:
                child.kill()

    def replaced(self) -> list[str]:
        """Lines of its log that say why it has ended a worker itself."""
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return [line for line in lines if " is killed: " in line]

    def complaints(self) -> list[str]:
        """What its log says of faults of the daemon's own, each with the exception's last line."""
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        marks = (
            "a call failed", "exception was never retrieved", "Exception in callback",
            "raised by servicer method", "deserializing",
        )  # fmt: skip
        return [
            f"{line} {_last_line(lines[number + 1 :])}"
            for number, line in enumerate(lines)
            if any(mark in line for mark in marks)
        ]


def _last_line(lines: Sequence[str]) -> str:
    """The words of the first exception that follows, and where it was raised."""
    where = ""
    for line in lines:
        if line.startswith("  File "):
            where = line.strip()
        elif where and not line.startswith(" "):
            return f"{line} ({where})"
    return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
