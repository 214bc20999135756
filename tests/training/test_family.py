"""The plan that trains the whole family: what is done is skipped, what fails is said."""

import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest
from training import checkpoints, family, loop


@pytest.fixture
def args(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "committed")
    return Namespace(out=tmp_path, device="cpu", scale=1.0)


def test_every_training_of_the_plan_is_a_module():
    folder = Path(family.__file__).parent
    for part in family.FAMILY:
        if isinstance(part, family.Part):
            assert (folder / f"{part.module}.py").is_file()


def test_later_phases_of_a_part_last_longer():
    minutes = {}
    for part in family.FAMILY:
        if isinstance(part, family.Part):
            assert part.minutes > minutes.get(part.run, 0)
            minutes[part.run] = part.minutes


def test_a_part_is_done_after_its_minutes(args, monkeypatch):
    part = family.Part("base", "base", 10)
    assert not family.done(part, args)
    (args.out / "base.pt").touch()
    monkeypatch.setattr(loop, "progress", lambda path: (1, 9.0))
    assert not family.done(part, args)
    monkeypatch.setattr(loop, "progress", lambda path: (1, 10.0))
    assert family.done(part, args)


def test_minutes_and_device_reach_the_command(args):
    part = family.Part("base", "base", 10, ("--close-ups", "1"))
    args.scale = 0.5
    line = family.command(part, args)
    assert line[line.index("--minutes") + 1] == "5.0" and line[-2:] == ["--close-ups", "1"]
    assert "torch.distributed.run" in line
    args.device = "cuda"
    line = family.command(part, args)
    assert "torch.distributed.run" not in line and line[line.index("--device") + 1] == "cuda"


def test_the_time_of_day_stops_it(args):
    begun = time.time()
    assert not family.run([[sys.executable, "-c", "import time; time.sleep(60)"]], begun + 0.5)
    assert time.time() - begun < 30


def test_a_training_that_fails_stops_the_plan():
    with pytest.raises(SystemExit, match="failed with 3"):
        family.run([[sys.executable, "-c", "raise SystemExit(3)"]], float("inf"))


def test_side_by_side():
    assert family.run([[sys.executable, "-c", "pass"]] * 2, time.time() + 60)


def test_a_deadline_lies_ahead():
    assert family._deadline("") == float("inf")
    assert 0 < family._deadline("00:00") - time.time() <= 86_400
