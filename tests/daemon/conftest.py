"""A real daemon in processes of its own, and clients of it."""

import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from retouch.client.client import Client, wait_for_daemon
from retouch.client.finding import Endpoint
from retouch_daemon.storage.blob_limits import BlobLimits
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.job_records import NewJob
from retouch_daemon.storage.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "sdk/retouch/demo"
COMMAND = "from retouch.cli.main import main; main()"
#: On a busy machine a worker that only waits for a core is not to be taken for hung.
PATIENT = ("--silence", "60")


class Served:
    """A daemon's process; ``start`` again on the same folder is a restart."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = folder / "sock"
        self.endpoint = Endpoint("", folder / "token")
        self.process = None

    def start(self, *options):
        arguments = ["serve", "--address", "127.0.0.1:0", "--folder", str(self.folder)]
        arguments += ["--socket", str(self.socket), "--gateway-address", "", *options]
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        port = self.process.stdout.readline().rpartition(":")[2].strip()
        self.endpoint = Endpoint(f"127.0.0.1:{port}", self.folder / "token")
        wait_for_daemon(self.endpoint, 120)
        return self

    def client(self, name="tests"):
        return Client(self.endpoint, name=name)

    def workers(self, *names):
        """Process ids of the workers, by default of engine and gate."""
        wanted = {f"retouch_daemon.{name}".encode() for name in names or ("engine", "gate")}
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
            except OSError:
                continue
            if wanted & set(words) and int(parent) == self.process.pid:
                found.append(int(folder.name))
        return found

    def kill(self):
        """What a power cut does to it; its worker is left to end by itself."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(120)


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A daemon that all tests share: no test may stop it."""
    daemon = Served(tmp_path_factory.mktemp("daemon")).start(*PATIENT)
    yield daemon
    daemon.stop()


@pytest.fixture
def own(tmp_path):
    """A daemon of one test's own, not started yet."""
    daemon = Served(tmp_path / "daemon")
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A daemon of one module's own, that soon takes a silent worker for hung."""
    daemon = Served(tmp_path_factory.mktemp("impatient"))
    daemon.silence = 5.0
    yield daemon.start("--silence", str(daemon.silence))
    daemon.stop()


@pytest.fixture
def client(served):
    with served.client() as client:
        yield client


@pytest.fixture(scope="session")
def house():
    return DEMO / "house.png"


@pytest.fixture
def memory_folder():
    """In memory where that can be had: what is synced after every step takes no time there."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


@pytest.fixture
def database(memory_folder):
    opened = Database(memory_folder / "journal.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def journal(database):
    return Journal(database)


@pytest.fixture
def make_store(memory_folder, database):
    """Makes a store of blobs, again over the same folder as after a restart."""
    return lambda **limits: BlobStore(memory_folder / "blobs", database, BlobLimits(**limits))


@pytest.fixture
def store(make_store):
    return make_store()


@pytest.fixture
def job_id(journal):
    return journal.submit(NewJob("host", "1", b""))[0].job_id


class Authority:
    """Signs certificates, as the owner of a network does; all files lie in one folder."""

    def __init__(self, folder, name="authority"):
        self.folder, self.name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(name)
        built = _builder(subject, subject, self._key, days=1)
        basic = x509.BasicConstraints(ca=True, path_length=None)
        self._certificate = built.add_extension(basic, critical=True).sign(self._key, SHA256())
        self.file = _written(folder / f"{name}.pem", self._certificate.public_bytes(Encoding.PEM))

    def issue(self, name, hosts=("localhost", "127.0.0.1"), days=1, password=None):
        """A certificate and its key, as files; ``days`` below 0 has ended."""
        key = ec.generate_private_key(ec.SECP256R1())
        built = _builder(_named(name), self._certificate.subject, key, days=days)
        if hosts:
            names = [
                x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
                for host in hosts
            ]
            built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = built.sign(self._key, SHA256())
        hidden = BestAvailableEncryption(password) if password else NoEncryption()
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)
        return (
            _written(self.folder / f"{name}.crt", certificate.public_bytes(Encoding.PEM)),
            _written(self.folder / f"{name}.key", secret),
        )


def _named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject, issuer, key, days):
    ends = datetime.now(UTC) + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(datetime.now(UTC), ends) - timedelta(days=1))
        .not_valid_after(ends)
    )


def _written(file, data):
    file.write_bytes(data)
    file.chmod(0o600)
    return file


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)
