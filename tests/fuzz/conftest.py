"""A real daemon that is asked for what no client should ask."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parent))
from endurance.served import Served

#: Nobody is held back: what is asked is to be looked at, and not how often.
OPTIONS = (
    "--client-calls-per-second", "1000000", "--client-calls-burst", "1000000",
    "--client-jobs", "1000000", "--total-jobs", "1000000", "--silence", "60",
)  # fmt: skip


def how_many(usual):
    """Cases of a test: few by default, ``RETOUCH_FUZZ`` for all that are wanted."""
    return int(os.environ.get("RETOUCH_FUZZ", usual))


@pytest.fixture(scope="session")
def loop():
    """One for all: gRPC's own threads outlive a loop that is closed between two tests."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def fuzzed(tmp_path_factory):
    """The daemon; afterwards its log has no fault of its own, and no process was replaced."""
    served = Served(tmp_path_factory.mktemp("fuzzed") / "daemon", OPTIONS)
    served.start()
    ends = time.monotonic() + 120
    while not served.serves():
        assert time.monotonic() < ends
        time.sleep(0.1)
    yield served
    served.stop()
