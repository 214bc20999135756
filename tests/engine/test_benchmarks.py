"""The benchmarks run, agree, and write what they found."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


#: All rows of a family in ``make test-all``, the one of most parts otherwise.
_GPU_ROWS = "sd1" if os.environ.get("RETOUCH_ENDURANCE") else "sd1 together"
#: Benchmark -> its arguments, and what it finds out.
RUNS = {
    "parity": (["--only", "SDEdit 0.6, ddim"], "rows"),
    "compose": (["--only", "guidance + sdedit"], "rows"),
    "engine": (["--quick"], "overhead_vs_diffusers"),
    "gpu": (
        ["--quick", "--device", "cpu", "--threads", "1", "--only", _GPU_ROWS],
        "sd1.throughput_ratio",
    ),
}
#: Runs them one after another as the commands that they are; the libraries load once for all.
ONE_BY_ONE = """
import json, runpy, sys
runs, codes = json.load(sys.stdin), {}
for path, arguments in runs:
    sys.argv = [path, *arguments]
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        codes[path] = end.code or 0
json.dump(codes, open("codes.json", "w"))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Folder in which all benchmarks have run, their exit codes, and what they printed."""
    folder = tmp_path_factory.mktemp("benchmarks")
    runs = [
        (str(BENCHMARKS / f"{name}.py"), [*arguments, "--json", str(folder / f"{name}.json")])
        for name, (arguments, _) in RUNS.items()
    ]
    command = [sys.executable, "-c", ONE_BY_ONE]
    done = subprocess.run(
        command, input=json.dumps(runs), cwd=folder, capture_output=True, text=True, timeout=280
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return folder, json.loads((folder / "codes.json").read_text()), said


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_it_runs_and_says_when_where_and_of_what(ran, name):
    folder, codes, said = ran
    assert codes[str(BENCHMARKS / f"{name}.py")] == 0, said
    found = json.loads((folder / f"{name}.json").read_text())
    _, key = RUNS[name]
    assert {"date", "commit", "seed", "device", "torch", "diffusers", key} <= set(found)


@pytest.fixture
def parity(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr(sys, "argv", ["parity.py"])
    return importlib.import_module("parity")


@pytest.mark.parametrize(
    ("ours", "reference", "without", "code"),
    [
        (1.0, 1.0, 0.0, 0),
        (1.0, 1.001, 0.0, 1),  # differs from the reference
        (1.0, 1.0, 1.0, 1),  # an operation without effect proves nothing
        (float("nan"), 1.0, 0.0, 1),
    ],
)
def test_the_exit_code_of_parity(parity, monkeypatch, capsys, ours, reference, without, code):
    from cases.setting import Case, Outcome

    outcome = Outcome(*(torch.full((1, 4, 2, 2), v) for v in (ours, reference, without)))
    monkeypatch.setattr(parity, "all_cases", lambda: [Case("a case", "a class", lambda: outcome)])
    assert parity.main() == code
    assert f"{1 - code} of 1 within" in capsys.readouterr().out


def test_no_case_is_no_success(parity, monkeypatch, capsys):
    monkeypatch.setattr(parity, "all_cases", lambda: [])
    assert parity.main() == 1
