"""A training goes on from what is committed when the machine that began it is gone."""

import pytest
import torch
from torch import nn
from training import checkpoints, loop


@pytest.fixture
def committed(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "committed")
    return tmp_path / "committed"


def options(out, minutes=60.0):
    line = ["--out", str(out), "--minutes", str(minutes), "--batch", "4", "--lr", "1e-2"]
    return loop.options("A run.", minutes=60).parse_args(line)


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


def test_pieces_are_joined_to_what_was_split(tmp_path):
    weights = {f"w{n}": torch.full((8, 8), float(n)) for n in range(5)}
    state = {"ema": {"net": weights}, "step": 7, "samples": 70, "spent": 1.5}
    files = checkpoints.split(state, tmp_path, "toy", limit=300)
    assert len(files) == 3 and all(file.stat().st_size < 1000 for file in files)
    found = torch.load(checkpoints.join(tmp_path, tmp_path / "new" / "toy.pt"), weights_only=True)
    assert (found["step"], found["samples"], found["spent"]) == (7, 70, 1.5)
    assert set(found["ema"]["net"]) == set(weights)
    assert all(torch.equal(found["ema"]["net"][name], w) for name, w in weights.items())


def test_pieces_of_different_steps_or_a_missing_one_are_refused(tmp_path):
    state = {"ema": {"net": {"a": torch.ones(9), "b": torch.ones(9)}}, "step": 1, "samples": 1}
    files = checkpoints.split({**state, "spent": 1.0}, tmp_path, "toy", limit=20)
    old = files[1].read_bytes()
    checkpoints.split({**state, "step": 2, "spent": 2.0}, tmp_path, "toy", limit=20)
    files[1].write_bytes(old)
    with pytest.raises(ValueError, match="different steps"):
        checkpoints.join(tmp_path, tmp_path / "toy.pt")
    with pytest.raises(FileNotFoundError, match="no piece"):
        checkpoints.join(tmp_path, tmp_path / "other.pt")
