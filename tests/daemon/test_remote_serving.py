"""A daemon as a studio has it: TLS, a file of options, quotas, numbers, and a drained stop."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from contextlib import redirect_stdout

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from retouch.cli.main import run
from retouch.client.client import Client
from retouch.client.failures import DaemonFailed
from retouch.client.finding import Endpoint
from retouch.errors import RetouchError
from retouch.v1 import edit_pb2, edit_service_pb2, operation_pb2
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.job_records import State
from retouch_daemon.storage.journal import Journal
from retouch_plugins.sdedit import SDEdit

from .conftest import COMMAND, Authority

SECRET = "a red house of nobody else"
CONFIG = """
address = "0.0.0.0:0"
folder = "data"
tls-cert = "server.crt"
tls-key = "server.key"
status-address = "0.0.0.0:0"
log-format = "json"
allow-operations = ["sdedit", "guidance"]
client-jobs = 12
drain-seconds = 60
silence = 60
"""


class Studio:
    """The daemon's process, and what it says."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = Authority(folder)
        self.authority.issue("server")
        (folder / "retouch.toml").write_text(CONFIG)
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(folder / "notify"))
        self.said = []
        threading.Thread(target=self._listen, daemon=True).start()
        self.log = folder / "log"
        self.process = None

    def start(self):
        words = ["serve", "--config", str(self.folder / "retouch.toml")]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, *words],
                stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "WATCHDOG_USEC": "1000000",
                                  "NOTIFY_SOCKET": str(self.folder / "notify")},
            )  # fmt: skip
        ports = [self.process.stdout.readline().rpartition(":")[2].strip() for _ in range(2)]
        self.address, self.status = (f"localhost:{port}" for port in ports)
        self.heard("READY=1", 240)  # the gate has its model by then, too
        return self

    def _listen(self):
        while True:
            try:
                self.said.append(self.notices.recv(1000).decode())
            except OSError:
                return

    def heard(self, words, seconds=60):
        """Wait until the service manager has been told something; return all of it."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for text in self.said:
                if words in text:
                    return text
            time.sleep(0.02)
        raise AssertionError(f"{words!r} was not said: {self.said}")

    @property
    def token(self):
        return self.folder / "data" / "token"

    def client(self, name):
        return Client(Endpoint(self.address, self.token, ca=self.authority.file), name=name)

    def page(self, path, token=True):
        request = urllib.request.Request(f"https://{self.status}{path}")
        if token:
            request.add_header("Authorization", f"Bearer {self.token.read_text().strip()}")
        import ssl

        trusted = ssl.create_default_context(cafile=self.authority.file)
        with urllib.request.urlopen(request, context=trusted, timeout=60) as answer:
            return answer.read().decode()


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    found = Studio(tmp_path_factory.mktemp("studio")).start()
    yield found
    if found.process.poll() is None:
        found.process.send_signal(signal.SIGTERM)
        found.process.send_signal(signal.SIGTERM)
        found.process.wait(120)
    found.notices.close()


def message(client, picture, steps):
    found = edit_pb2.EditRequest(
        client_job_id=uuid.uuid4().hex,
        canvas=edit_pb2.Canvas(source=client._uploads.image(picture)),
        prompt=edit_pb2.Prompt(text=SECRET),
        operations=[operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.6))],
    )
    found.sampling.steps = steps
    return found


def begun(client, job):
    """Wait until a job is at work."""
    return next(e for e in client.watch(job) if e.WhichOneof("event") == "progress")


def test_it_says_that_it_is_ready_when_edits_can_run(studio):
    status = json.loads(studio.page("/status.json"))
    assert status["state"] == "serving" and status["worker"]["ready"]
    assert studio.heard("WATCHDOG=1")


def test_an_edit_from_another_machine_goes_through_tls(studio, house):
    with studio.client("photoshop-anna") as client:
        (found,) = client.edit(house, prompt=SECRET, operations=[SDEdit(strength=0.6)], steps=6)
    assert found.composite.startswith(b"\x89PNG")
    with pytest.raises(RetouchError, match="RETOUCH_DAEMON_CA"):
        Client(Endpoint("192.0.2.1:7860", studio.token))


def test_strangers_learn_nothing_of_the_contract(studio):
    credentials = grpc.ssl_channel_credentials(studio.authority.file.read_bytes())
    metadata = (("authorization", f"Bearer {studio.token.read_text().strip()}"),)
    with grpc.secure_channel(studio.address, credentials) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.ServerReflectionInfo(iter([asked]), metadata=metadata, timeout=10))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_only_allowed_operations_are_there(studio, house):
    with studio.client("krita") as client:
        assert {each.name for each in client.describe().operations} == {"sdedit", "guidance"}
        asked = message(client, house, 6)
        asked.operations.add().soft_mask.SetInParent()
        with pytest.raises(RetouchError, match="soft_mask"):
            client.results(client.submit(asked))


def test_a_greedy_client_meets_its_quota_and_the_others_are_served(studio, house):
    with studio.client("greedy") as greedy, studio.client("modest") as modest:
        jobs = [greedy.submit(message(greedy, house, 200)) for _ in range(12)]
        asked = edit_service_pb2.SubmitRequest(edit=message(greedy, house, 200))
        with pytest.raises(grpc.RpcError) as caught:
            greedy._edits.Submit(asked, metadata=greedy._metadata)
        # All places are taken by now, and work of the greedy one waits in front.
        while json.loads(studio.page("/status.json"))["jobs"]["running"] < 8:
            time.sleep(0.1)
        modest.edit(house, prompt="a house", operations=[SDEdit(strength=0.6)], steps=6)
        clients = {c["client"]: c for c in json.loads(studio.page("/status.json"))["clients"]}
        assert set(greedy.cancel(*jobs)) == set(jobs), "none was over before the modest one"
    assert clients["greedy"]["running"] == 8 and clients["greedy"]["queued"] == 4
    assert clients["modest"]["finished"] == 1
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    sent = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    retry = error_details_pb2.RetryInfo()
    assert any(each.Unpack(retry) for each in status_pb2.Status.FromString(sent).details)
    assert retry.retry_delay.seconds > 0


def test_numbers_are_for_those_with_the_token(studio):
    with pytest.raises(urllib.error.HTTPError, match="401"):
        studio.page("/metrics", token=False)
    found, ends = {}, time.monotonic() + 120
    while not found.get(("retouch_rows_per_forward_count",)):
        assert time.monotonic() < ends, "the engine has told of no forward"
        text = studio.page("/metrics")
        found = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        time.sleep(0.1)  # the engine tells now and then
    assert found["retouch_worker_ready",] == 1
    assert found["retouch_rows_per_forward_sum",] >= found["retouch_rows_per_forward_count",]
    assert found["retouch_model_bytes",] > 1 << 20
    for process in ("front", "engine", "gate"):
        assert found["retouch_resident_bytes", process] > 10 << 20
    assert found["retouch_resident_bytes", "front"] < found["retouch_resident_bytes", "engine"]
    assert SECRET not in text and "anna" not in text


@pytest.mark.parametrize("over", ["https", "socket"])
def test_top_shows_it(studio, over):
    words = ["--folder", str(studio.folder / "data")]
    if over == "https":
        words = ["--url", f"https://{studio.status}", "--token-file", str(studio.token),
                 "--ca", str(studio.authority.file)]  # fmt: skip
    told = io.StringIO()
    with redirect_stdout(told):
        assert run(["top", "--once", *words]) == 0
    assert "serving" in told.getvalue() and "rows/forward" in told.getvalue()


def test_top_trusts_no_other_authority(studio, tmp_path, capsys):
    other = Authority(tmp_path, "other").file
    words = ["--url", f"https://{studio.status}", "--token-file", str(studio.token)]
    assert run(["top", "--json", *words, "--ca", str(other)]) == 1
    assert "certificate verify failed" in capsys.readouterr().err


def test_a_stop_lets_running_edits_end_and_keeps_what_waits(studio, house):
    with studio.client("krita") as client, studio.client("batch") as batch:
        job = client.submit(message(client, house, 40))
        begun(client, job)
        many = [batch.submit(message(batch, house, 20)) for _ in range(12)]
        while json.loads(studio.page("/status.json"))["jobs"]["running"] < 8:
            time.sleep(0.1)
        batch.cancel(*many[:2])
        studio.process.send_signal(signal.SIGTERM)
        while json.loads(studio.page("/status.json"))["state"] != "draining":
            time.sleep(0.05)
        with pytest.raises(DaemonFailed, match="about to stop") as caught:
            client.submit(message(client, house, 6))
        assert caught.value.retryable
        (result,) = client.results(job)
        assert result.composite or result.patch
    assert studio.process.wait(90) == 0
    assert "EXTEND_TIMEOUT_USEC=90000000" in studio.heard("STOPPING=1")
    database = Database(studio.folder / "data" / "journal.sqlite")
    states = {each.job_id: each.state for each in Journal(database).jobs("batch")}
    database.close()
    assert State.QUEUED in states.values() and State.RUNNING not in states.values()
    assert not (studio.folder / "data" / "status").exists()


def test_the_log_is_of_objects_and_tells_no_secret(studio):
    text = studio.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    over = [line for line in lines if line.get("outcome")]
    assert {line["outcome"] for line in over} >= {"done", "cancelled"}
    assert all(re.fullmatch("[0-9a-f]{32}", line["job"]) for line in over)
    assert SECRET not in text and studio.token.read_text().strip() not in text


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "server.key").chmod(0o644), "Fix: chmod 600"),
        (lambda f: (f / "server.crt").unlink(), "tls-cert"),
        (lambda f: (f / "retouch.toml").write_text('address = "0.0.0.0:0"'), "--tls-cert and"),
        (lambda f: (f / "retouch.toml").write_text("adress = 1"), "got 'adress'"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_it_does_not_start_with_what_is_not_safe(tmp_path, capsys, spoil, words, check):
    Authority(tmp_path).issue("server")
    (tmp_path / "retouch.toml").write_text(CONFIG)
    spoil(tmp_path)
    given = ["serve", "--config", str(tmp_path / "retouch.toml"), *["--check"] * check]
    assert run(given) == 2
    told = capsys.readouterr()
    assert words in told.err and "Traceback" not in told.err
    assert not (tmp_path / "data").exists(), "nothing is begun"
