import os

import pytest
import torch

from retouch.models.store import add
from retouch.testing.checkpoints import tiny_sd, write_folder

os.environ["HF_HUB_OFFLINE"] = "1"
#: Marks of tests that take long.
_LONG = ("slow", "endurance")
#: Marks of tests that run where a variable is set, and who sets it.
_ASKED_FOR = (
    ("endurance", "RETOUCH_ENDURANCE", "make test-all"),
    ("window", "RETOUCH_WINDOWS", "make test-hosts"),
)
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory):
    """Keys, certificate, audit log and installed models of the tests, never the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETOUCH_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """A tiny Stable Diffusion checkpoint on disk."""
    checkpoint = tiny_sd()
    checkpoint.unet.register_to_config(sample_size=8)  # 64 px: a fast native size
    return write_folder(checkpoint, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """An empty place for installed models."""
    monkeypatch.setenv("RETOUCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def tiny_installed(tiny_folder, tmp_path_factory):
    """The tiny checkpoint, installed as ``tiny`` in a place of this module's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETOUCH_HOME", str(tmp_path_factory.mktemp("home")))
        add(tiny_folder, "tiny")
        yield "tiny"


@pytest.fixture(scope="session", autouse=True)
def _threads():
    """Two threads, or one where several processes of tests share the cores; in children too."""
    beside = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    threads = max(1, min(2, os.cpu_count() or 1) // beside)
    torch.set_num_threads(threads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", str(threads))
        yield


def pytest_collection_modifyitems(items):
    """Files with slow tests first: no process of tests is left alone with one at the end."""
    slow = {item.path for item in items if any(map(item.get_closest_marker, _LONG))}
    items.sort(key=lambda item: item.path not in slow)
    for mark, variable, command in _ASKED_FOR:
        if not os.environ.get(variable):
            skip = pytest.mark.skip(reason=f"takes minutes: {command} runs it")
            for item in filter(lambda item: item.get_closest_marker(mark), items):
                item.add_marker(skip)


def pytest_terminal_summary(terminalreporter):
    """Say how many leak cases of the gate passed: one a test, more where a test says so."""
    passed = [r for r in terminalreporter.stats.get("passed", ()) if "tests/gate/" in r.nodeid]
    count = sum(dict(report.user_properties).get("cases", 1) for report in passed)
    if passed:
        terminalreporter.write_line(f"gate: {count} cases, no picture without a valid receipt")
    for report in terminalreporter.stats.get("passed", ()):
        for name, words in report.user_properties:
            if name == "fuzz":
                terminalreporter.write_line(f"fuzz: {words}")
