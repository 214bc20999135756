"""The benchmarks run, agree, and write what they found."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "key"),
    [
        ("parity", ["--only", "SDEdit 0.6, ddim"], "rows"),
        ("compose", ["--only", "guidance + sdedit"], "rows"),
        ("engine", ["--quick"], "overhead_vs_diffusers"),
        (
            "gpu",
            ["--quick", "--device", "cpu", "--threads", "1", "--only", "sd1"],
            "sd1.throughput_ratio",
        ),
    ],
)
def test_it_runs_and_says_when_where_and_of_what(tmp_path, name, arguments, key):
    out = tmp_path / "out.json"
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments, "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text())
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
