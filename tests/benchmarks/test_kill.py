"""The benchmark that kills a daemon's processes: a few kills, with everything that it looks at."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.endurance
def test_nothing_is_lost_when_processes_are_killed(tmp_path, record_property):
    found = tmp_path / "kill.json"
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/kill.py"), "--kills", "4", "--seed", "3",
         "--daemons", "1", "--json", str(found)],
        capture_output=True,
        text=True,
        timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    results = json.loads(found.read_text())
    assert results["losses"] == [] and results["kill"]["kills"] == 4
    assert results["kill"]["files compared bit by bit"] >= 8
    record_property("fuzz", f"4 kills, {results['kill']['acknowledged jobs']} jobs, none lost")
