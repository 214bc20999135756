"""Weights that are broken in any way are refused by one error, and nothing is installed.

Requests cannot carry weights: what is tried is ``retouch models add``. Each file is read in a
process that may die of it without taking the tests along; it says which file it is at.
``RETOUCH_FUZZ=1000`` tries a thousand.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import how_many

from retouch.testing.adapters import write_ip_adapter
from retouch.testing.checkpoints import tiny_sd

ADDING = Path(__file__).parent / "adding_models.py"


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    return write_ip_adapter(tiny_sd(), tmp_path_factory.mktemp("models"))


def test_broken_weights_are_refused(right, record_property):
    count = how_many(120)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(ADDING), str(right), str(count)],
        capture_output=True,
        text=True,
        timeout=60 + count,
    )
    assert done.returncode == 0, f"{done.stdout[-300:]}\n{done.stderr[-3000:]}"
    counts = json.loads(done.stdout.splitlines()[-1])
    assert sum(counts.values()) == count and counts["ModelInvalid"] > count / 2, counts
    record_property("fuzz", f"{count} broken weights: {counts}")
