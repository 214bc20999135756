"""A real daemon in processes of its own, and clients of it."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from retouch.client.client import Client, wait_for_daemon
from retouch.client.finding import Endpoint
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.journal import Journal, NewJob

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "sdk/retouch/demo"
COMMAND = "from retouch.cli.main import main; main()"


class Served:
    """A daemon's process; ``start`` again on the same folder is a restart."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = folder / "sock"
        self.endpoint = Endpoint("", folder / "token")
        self.process = None

    def start(self):
        arguments = ["serve", "--address", "127.0.0.1:0", "--folder", str(self.folder)]
        arguments += ["--socket", str(self.socket)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        port = self.process.stdout.readline().rpartition(":")[2].strip()
        self.endpoint = Endpoint(f"127.0.0.1:{port}", self.folder / "token")
        wait_for_daemon(self.endpoint, 30)
        return self

    def client(self, name="tests"):
        return Client(self.endpoint, name=name)

    def workers(self):
        """Process ids of the workers."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
            except OSError:
                continue
            if b"retouch_daemon.worker" in words and int(parent) == self.process.pid:
                found.append(int(folder.name))
        return found

    def kill(self):
        """What a power cut does to it; its worker is left to end by itself."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A daemon that all tests share: no test may stop it."""
    daemon = Served(tmp_path_factory.mktemp("daemon")).start()
    yield daemon
    daemon.stop()


@pytest.fixture
def own(tmp_path):
    """A daemon of one test's own, not started yet."""
    daemon = Served(tmp_path / "daemon")
    yield daemon
    daemon.stop()


@pytest.fixture
def client(served):
    with served.client() as client:
        yield client


@pytest.fixture(scope="session")
def house():
    return DEMO / "house.png"


@pytest.fixture
def journal():
    """In memory where that can be had: what is synced after every step takes no time there."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        database = Database(Path(folder) / "journal.sqlite")
        yield Journal(database)
        database.close()


@pytest.fixture
def job_id(journal):
    return journal.submit(NewJob("host", "1", b""))[0].job_id
