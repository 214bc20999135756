"""One side of the comparison: a daemon in processes of its own, and what they take."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retouch.client.client import wait_for_daemon
from retouch.client.finding import Endpoint
from serving_cases.diary import VARIABLE, Pages
from serving_cases.trace import Arrival, Kind

BENCHMARKS: Final = Path(__file__).resolve().parents[1]
START_SECONDS: Final = 120.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Side:
    """What is compared.

    Attributes:
        name: in tables.
        engine: module of its engine.
        fifo: whether everything is asked for as one client and one class: the front then hands
            requests over in the order in which they come.
    """

    name: str
    engine: str
    fifo: bool

    def client(self, arrival: Arrival) -> str:
        """As whom a request is sent."""
        return "queue" if self.fifo else arrival.client

    def priority(self, kind: Kind) -> str:
        """With which class it is sent."""
        return "interactive" if self.fifo else kind.priority


OURS: Final = Side("retouch", "serving_cases.timed_engine", fifo=False)
#: B1 of the design: the pipelines as they are, one after another.
REFERENCE: Final = Side("diffusers", "serving_cases.diffusers_engine", fifo=True)
SIDES: Final = (REFERENCE, OURS)


class Contender:
    """A running daemon.

    Args:
        side: which.
        folder: of its own.
        threads: of torch and of the detectors, in every process.
        options: of ``retouch serve``.
    """

    def __init__(self, side: Side, folder: Path, threads: int, options: tuple[str, ...]) -> None:
        self.side, self._folder = side, folder
        folder.mkdir(parents=True)
        self.pages = Pages(folder / "diary")
        path = os.pathsep.join(filter(None, [str(BENCHMARKS), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "serving_cases.front", side.engine,
                "--address", "127.0.0.1:0", "--folder", str(folder), "--device", "cpu",
                "--log-level", "warning", *options,
            ],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {
                "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads),
                "HF_HUB_OFFLINE": "1", VARIABLE: str(folder / "diary"),
            },
        )  # fmt: skip

    def wait(self) -> None:
        """Wait until it serves. Raises DaemonFailed."""
        assert self._process.stdout is not None
        port = self._process.stdout.readline().rpartition(":")[2].strip()
        self.endpoint = Endpoint(f"127.0.0.1:{port}", self._folder / "token")
        wait_for_daemon(self.endpoint, START_SECONDS)

    def stop(self) -> None:
        """End it and wait for that."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def processes(self) -> dict[str, int]:
        """Process ids of front, engine and gate."""
        words = {self.side.engine: "engine", "retouch_daemon.gate": "gate"}
        found = {"front": self._process.pid}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_text().split("\0")
                parent = _stat(folder)[1]
            except (OSError, UnicodeDecodeError):
                continue
            for module, name in words.items():
                if module in command and int(parent) == self._process.pid:
                    found[name] = int(folder.name)
        return found

    def peak_bytes(self) -> dict[str, int]:
        """Most memory that each process has had in RAM at a time."""
        return {name: _peak(Path(f"/proc/{pid}")) for name, pid in self.processes().items()}

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time of each process so far."""
        found = {}
        for name, pid in self.processes().items():
            fields = _stat(Path(f"/proc/{pid}"))
            found[name] = (int(fields[11]) + int(fields[12])) / _TICKS
        return found


def _stat(folder: Path) -> list[str]:
    """Fields of ``/proc/PID/stat`` from the third on (state)."""
    return (folder / "stat").read_text().rsplit(")", 1)[1].split()


def _peak(folder: Path) -> int:
    for line in (folder / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


@contextmanager
def contenders(
    folder: Path, threads: int, options: tuple[str, ...] = ()
) -> Iterator[dict[str, Contender]]:
    """Start all sides together; the one that is not asked for anything does nothing."""
    with ExitStack() as stack:
        found = {}
        for side in SIDES:
            found[side.name] = Contender(side, folder / side.name, threads, options)
            stack.callback(found[side.name].stop)
        for each in found.values():
            each.wait()
        yield found
