"""The benchmark of full-size networks: what it counts, and what it does when time runs out."""

import importlib
import json
import sys
import time
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    arguments = ["gpu.py", "--quick", "--device", "cpu", "--json", str(tmp_path / "out.json")]
    monkeypatch.setattr(sys, "argv", arguments)
    yield importlib.import_module("gpu")
    sys.modules.pop("gpu", None)  # its clock starts when it is imported


@pytest.fixture
def making(gpu):
    from cases.full_size import Making

    def make(family, quick):
        return Making(family, torch.device("cpu"), torch.bfloat16, quick, seed=7)

    return make


# design/performance.md, section 2: published configurations, counted independently of this code
@pytest.mark.parametrize(
    ("family", "row", "decoded"), [("sd1", 0.803e12, 2.515e12), ("sdxl", 6.761e12, 10.47e12)]
)
def test_operations_of_published_sizes(making, family, row, decoded):
    from cases.full_size import decode_flops, row_flops

    found = making(family, quick=False)
    assert row_flops(found) == pytest.approx(row, rel=1e-3)
    assert decode_flops(found, found.side) == pytest.approx(decoded, rel=1e-3)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_weights_are_the_same_every_time_and_keep_the_size_of_what_passes(making, family):
    from cases.full_size import checkpoint

    first, second = checkpoint(making(family, True)), checkpoint(making(family, True))
    for one, other in zip(first.unet.parameters(), second.unet.parameters(), strict=True):
        assert torch.equal(one, other)
    ids = torch.full((1, 77), 49407)
    for text in first.text_encoders:
        states = text(ids, output_hidden_states=True).hidden_states[-2].float()
        assert states.isfinite().all()
        assert 0.1 < states.std() < 10
    latents = torch.randn(1, 4, 16, 16, dtype=torch.bfloat16)
    spread = first.vae.decode(latents).sample.float().std()
    assert 0.1 < spread < 1


def run(gpu, rows, monkeypatch, *arguments):
    monkeypatch.setattr(gpu, "rows", lambda: rows)
    monkeypatch.setattr(sys, "argv", [*sys.argv, *arguments])
    code = gpu.main()
    return code, json.loads(Path(sys.argv[sys.argv.index("--json") + 1]).read_text())


def test_a_row_that_fails_is_reported_and_the_next_one_runs(gpu, monkeypatch):
    def fails(session):
        raise RuntimeError("no such kernel")

    rows = [gpu.Row("sd1 bad", 0, fails), gpu.Row("sd1 good", 0, lambda s: {"throughput_ratio": 3})]
    code, found = run(gpu, rows, monkeypatch)
    assert code == 1
    assert found["details"]["failed"] == {"sd1 bad": "RuntimeError: no such kernel"}
    assert found["sd1.throughput_ratio"] == 3
    assert found["met"] == {"sd1.throughput_ratio": True}


def test_what_does_not_fit_into_the_time_is_not_begun(gpu, monkeypatch):
    rows = [
        gpu.Row("sd1 long", 1e6, lambda s: pytest.fail("begun")),
        gpu.Row("sd1 short", 0, lambda s: {"throughput_ratio": 1}),
    ]
    code, found = run(gpu, rows, monkeypatch, "--seconds", "1e5")
    assert code == 0
    assert list(found["details"]["skipped"]) == ["sd1 long"]
    assert found["met"] == {"sd1.throughput_ratio": False}


def test_at_the_end_of_the_time_finished_rows_and_stages_are_kept(gpu, monkeypatch):
    def slow(session):
        yield {"stage": 1}
        try:
            time.sleep(60)
        except Exception:  # what an engine or a compiler does with errors
            pytest.fail("the end of the time was taken for an error")

    left = []
    monkeypatch.setattr(gpu.os, "_exit", left.append)
    rows = [
        gpu.Row("limits", 0, lambda s: {"matmul_tflops": 1.0}),
        gpu.Row("sd1 compiled", 0, slow),
        gpu.Row("sd1 later", 0, lambda s: pytest.fail("begun")),
    ]
    seconds = time.monotonic() - gpu.BEGIN + 2
    _, found = run(gpu, rows, monkeypatch, "--seconds", str(seconds))
    assert left == [0]
    assert found["details"]["limits"] == {"matmul_tflops": 1.0}
    assert found["details"]["sd1 compiled"] == {"stage": 1}
    assert set(found["details"]["skipped"]) == {"sd1 compiled", "sd1 later"}


def test_turns_alternate_and_stop_when_a_round_no_longer_fits(gpu):
    from cases.accelerator import Accelerator

    order = []
    contenders = {
        name: lambda name=name: (order.append(name), time.sleep(0.05)) for name in ("a", "b")
    }
    device = Accelerator(torch.device("cpu"))
    taken = device.take_turns(contenders, 3, seconds=60)
    assert order == ["a", "b"] * 3
    assert all(found["median"] >= 0.05 and found["repeats"] == 3 for found in taken.values())
    assert device.take_turns(contenders, 3, seconds=0)["a"]["repeats"] == 1


def test_psnr(gpu):
    from cases.different_edits import psnr

    one = torch.zeros(1, 4, 8, 8)
    assert psnr(one, one, 2.0) == 200.0
    assert psnr(one, one + 0.02, 2.0) == pytest.approx(40.0, abs=1e-3)
