"""The run on a GPU machine: its processes, what fails in them, and when a training ends."""

import io
import sys
import time

import pytest
import torch
from torch import nn
from training import gpu_run, instruct, latents, loop, t2i_adapter, validation
from training.gpu_run import Command


def options(tmp_path, *more):
    line = ["train", "--work", str(tmp_path / "work"), "--results", str(tmp_path / "out"), *more]
    return gpu_run._options().parse_args(line)


@pytest.mark.parametrize("processes", [1, 2, 16])
def test_shards_of_every_kind_have_numbers_of_their_own(tmp_path, processes):
    commands = gpu_run.shards(options(tmp_path, "--processes", str(processes)), tmp_path)
    assert {command.name for command in commands} == {"held-out", "close-ups", "scenes"}
    assert len({command.arguments for command in commands}) == len(commands)
    assert len(commands) == max(processes, 3)


@pytest.mark.parametrize("module", [instruct, t2i_adapter, latents])
def test_every_option_is_known_to_its_training(tmp_path, module, monkeypatch, capsys):
    args = options(tmp_path, "--processes", "4")
    commands = [*gpu_run.shards(args, tmp_path), *gpu_run.trainings(args, tmp_path, 1e9)]
    mine = [c.arguments[1:] for c in commands if c.arguments[0] == module.__name__]
    assert mine
    for arguments in mine:
        # Parsed first; an unknown one would be the error.
        monkeypatch.setattr(sys, "argv", ["", *arguments, "--help"])
        with pytest.raises(SystemExit) as ended:
            module.main()
        assert ended.value.code == 0 and "usage" in capsys.readouterr().out


def test_what_fails_is_named_and_the_others_go_on(tmp_path):
    with (tmp_path / "log").open("w") as log:
        commands = [Command("bad", ("no_such_module",)), Command("good", ("this",))]
        assert gpu_run.run(commands, time.time() + 60, log) == ["bad ended with 1"]
    assert "Beautiful is better" in (tmp_path / "log").read_text()


def test_a_process_that_does_not_end_is_stopped(tmp_path):
    begun = time.time()
    with (tmp_path / "log").open("w") as log:
        failures = gpu_run.run([Command("server", ("http.server", "0"))], begun + 1.5, log)
    assert failures == ["server did not end in time"] and time.time() - begun < 60


def test_weights_that_are_missing_are_named(tmp_path):
    (tmp_path / "instruct.1.safetensors").touch()
    assert len(gpu_run._missing(tmp_path)) == 2


def training(tmp_path, *more):
    args = loop.options("A run.", minutes=1).parse_args(["--out", str(tmp_path), *more])
    torch.manual_seed(0)
    return loop.Run("toy", {"net": nn.Linear(2, 2)}, args)


def spend(run, seconds=0.0):
    for _ in run.steps():
        run.update(run.modules["net"](torch.ones(1, 2)).square().sum())
        time.sleep(seconds)


def test_a_deadline_ends_a_training_with_its_rate_at_the_bottom(tmp_path):
    run = training(tmp_path, "--deadline", str(time.time() + 2.0), "--tail", "1")
    spend(run, 0.02)
    assert 0 < run.step < 110
    assert run.optimiser.adam.param_groups[0]["lr"] < 0.1 * run.args.lr


def test_a_limit_of_steps_counts_from_this_start(tmp_path):
    for steps in (3, 6):
        run = training(tmp_path, "--steps", "3")
        spend(run)
        assert run.step == steps


def test_every_checkpoint_goes_to_the_pieces_too(tmp_path):
    run = training(tmp_path, "--steps", "2", "--pieces", str(tmp_path / "pieces"))
    spend(run)
    assert [p.name for p in (tmp_path / "pieces").iterdir()] == ["toy.1.safetensors"]


def test_the_fixed_loss_is_the_same_and_leaves_the_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first = validation.fixed_loss(lambda: torch.rand(()), "cpu", 4)
    assert first == validation.fixed_loss(lambda: torch.rand(()), "cpu", 4)
    assert torch.equal(torch.rand(2), expected)


def test_said_with_the_seconds(capsys):
    log = io.StringIO()
    gpu_run._Said(log, time.time())("shards done")
    assert log.getvalue() == capsys.readouterr().out and "shards done" in log.getvalue()
