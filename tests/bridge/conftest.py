"""A real daemon with its gateway, and plain HTTP to speak to it."""

import http.client
import importlib.util
import json
import struct
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _daemon_fixtures():
    """``tests/daemon/conftest.py``, which no package holds."""
    spec = importlib.util.spec_from_file_location(
        "daemon_fixtures", ROOT / "tests/daemon/conftest.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DAEMON = _daemon_fixtures()


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Wire:
    """Speaks to a gateway as curl does, over one connection that is kept.

    Args:
        address: of the gateway. token: that is shown; None shows none.
    """

    def __init__(self, address, token, client="tests"):
        self.address, self.token, self.client = address, token, client
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def headers(self, **more):
        shown = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        named = {"Retouch-Client": self.client} if self.client else {}
        return shown | named | {name.replace("_", "-"): value for name, value in more.items()}

    def ask(self, method, path, body=None, **headers):
        self.connection.request(method, path, body, self.headers(**headers))
        answer = self.connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    def call(self, method, message=None, **headers):
        """A call with one answer, in JSON."""
        headers = {"Content_Type": "application/json"} | headers
        return self.ask("POST", f"/retouch.v1.{method}", json.dumps(message or {}), **headers)

    def frames(self, method, message):
        """Yield (flags, JSON) of a stream's frames; closing the generator closes the connection."""
        data = json.dumps(message).encode()
        headers = self.headers(Content_Type="application/connect+json")
        body = struct.pack(">BI", 0, len(data)) + data
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request("POST", f"/retouch.v1.{method}", body, headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            while head := answer.read(5):
                flags, length = struct.unpack(">BI", head)
                yield flags, json.loads(answer.read(length))
        finally:
            connection.close()

    def close(self):
        self.connection.close()


def gateway_address(folder, seconds=120):
    """Where the gateway of a daemon listens, once it does."""
    ends = time.monotonic() + seconds
    file = folder / "gateway.json"
    while not file.exists():
        assert time.monotonic() < ends, "no gateway listens"
        time.sleep(0.02)
    return json.loads(file.read_text())["address"]


def with_gateway(served, *options):
    """Start a daemon with its gateway."""
    served.start("--gateway-address", "127.0.0.1:0", *DAEMON.PATIENT, *options)
    served.gateway = gateway_address(served.folder)
    served.token = (served.folder / "token").read_text().strip()
    return served


def _wait_until_ready(served, seconds=240):
    """Wait until edits can run."""
    wire = Wire(served.gateway, served.token)
    ends = time.monotonic() + seconds
    while wire.ask("GET", "/status.json").json["state"] != "serving":
        assert time.monotonic() < ends, "the daemon is not ready"
        time.sleep(0.1)
    wire.close()


def _gateways_of(served):
    """Process ids of a daemon's gateways."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if b"retouch_bridge.gateway" in words and parent == served.process.pid:
            found.append(int(folder.name))
    return found


@pytest.fixture
def gateways_of():
    """The function that finds a daemon's gateways."""
    return _gateways_of


@pytest.fixture(scope="session")
def bridged(tmp_path_factory):
    """A daemon with a gateway that all tests share: no test may stop it."""
    served = with_gateway(DAEMON.Served(tmp_path_factory.mktemp("bridged")))
    yield served
    served.stop()


@pytest.fixture(scope="session")
def editing(bridged):
    """The same daemon, once its workers have loaded what they need."""
    _wait_until_ready(bridged)
    return bridged


@pytest.fixture
def own_bridged(tmp_path):
    """A daemon of one test's own, not started yet: ``with_gateway`` starts it."""
    served = DAEMON.Served(tmp_path / "daemon")
    yield served
    served.stop()


@pytest.fixture
def start_with_gateway():
    """The function that starts a daemon with its gateway."""
    return with_gateway


@pytest.fixture
def wire(bridged):
    wire = Wire(bridged.gateway, bridged.token)
    yield wire
    wire.close()


@pytest.fixture
def wire_of():
    """Makes a wire of an address and a token."""
    made = []

    def make(address, token, client="tests"):
        made.append(Wire(address, token, client))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def edit(request):
    """Makes a short edit in JSON form: of the house, or of what is named by its digest."""
    number = iter(range(10_000))
    begun = time.time_ns()
    if "own_bridged" not in request.fixturenames:
        request.getfixturevalue("editing")

    def make(wire, steps=4, **changes):
        data = (DAEMON.DEMO / "house.png").read_bytes()
        stored = wire.ask("POST", "/v1/blobs", data).json
        return {
            "clientJobId": f"{begun}-{next(number)}",
            "canvas": {"source": {"sha256": stored["sha256"]}},
            "prompt": {"text": "a red house"},
            "operations": [{"sdedit": {"strength": 0.6}}],
            "sampling": {"steps": steps, "seeds": ["5"]},
            "output": {"delivery": "DELIVERY_COMPOSITED"},
            **changes,
        }

    return make
