"""A training goes on from what is committed when the machine that began it is gone."""

from argparse import Namespace

import pytest
import torch
from torch import nn
from training import checkpoints, loop


@pytest.fixture
def committed(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "committed")
    return tmp_path / "committed"


def options(out, minutes=60.0):
    return Namespace(
        out=out, device="cpu", minutes=minutes, batch=4, lr=1e-2, seed=0, optimiser="muon", tail=0.4
    )


def run(out):
    torch.manual_seed(0)
    return loop.Run("part", {"net": nn.Linear(3, 3)}, options(out))


def train(started, steps=4):
    for _ in range(steps):
        started.update(started.modules["net"](torch.ones(4, 3)).square().mean())
    started.save()


def test_it_goes_on_from_the_cache_folder(tmp_path, committed):
    first = run(tmp_path)
    train(first)
    again = run(tmp_path)
    assert (again.step, again.samples) == (4, 16)
    assert torch.equal(again.modules["net"].weight, first.modules["net"].weight)
    assert torch.equal(again.ema["net"].weight, first.ema["net"].weight)


def test_it_goes_on_from_what_is_committed(tmp_path, committed):
    first = run(tmp_path)
    train(first)
    target = checkpoints.write(tmp_path / "part.pt")
    assert target.parent == committed
    elsewhere = tmp_path / "another-machine"
    elsewhere.mkdir()
    again = run(elsewhere)
    assert (again.step, again.samples) == (4, 16)
    assert again.minutes == pytest.approx(first.minutes, abs=0.1)
    averaged = first.ema["net"].weight.half().float()
    assert torch.equal(again.modules["net"].weight, averaged)
    assert torch.equal(loop.averaged(elsewhere / "part.pt", "net")["weight"], averaged)
    train(again)
    assert loop.progress(elsewhere / "part.pt")[0] == 32


def test_what_was_never_trained_is_said(tmp_path, committed):
    assert not checkpoints.exists(tmp_path / "part.pt")
    with pytest.raises(
        FileNotFoundError, match=r"part is not trained: run python -m training\.family"
    ):
        loop.averaged(tmp_path / "part.pt", "net")


def test_a_new_start_warms_up_again(tmp_path, committed):
    first = run(tmp_path)
    train(first)
    for started, rate in ((run(tmp_path), 1e-2 / 20), (committed_run(tmp_path), 1e-2 / 100)):
        next(started.steps())
        rates = [group["lr"] for group in started.optimiser.adam.param_groups]
        assert rates == pytest.approx([rate])


def committed_run(out):
    checkpoints.write(out / "part.pt")
    (out / "elsewhere").mkdir()
    return run(out / "elsewhere")
