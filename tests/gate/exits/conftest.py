"""Every exit, and what must hold after an attempt to use one.

An exit is a way on which a picture leaves Retouch. The network is left out: what it would have
made is a fixed picture, since the question is what happens to pictures, not what they show.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import retouch.runner
from retouch.cli.main import run as command_line
from retouch.errors import Blocked, RetouchError
from retouch.imaging.image import Image
from retouch.models.library import Library
from retouch.request import EditRequest
from retouch_plugins.sdedit import SDEdit
from retouch_safety import Gate, Job, Refused, Sealed
from retouch_safety.save import save

SMALL = 64  # pixels: without room for a mark


@dataclass
class Asked:
    """One attempt to get a picture out.

    Attributes:
        gate: that it goes through.
        side: of the picture.
        folder: where files of it would be.
        beside: a folder for what it starts from.
        drawn: draws a picture of a side, and of another phase.
        job: what the gate is told of an edit of a picture of a side.
        left: what has come out, as it comes.
    """

    gate: Gate
    side: int
    folder: Path
    beside: Path
    drawn: Callable
    job: Callable
    left: list = field(default_factory=list)
    error: BaseException | None = None

    @property
    def files(self):
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


class NotDone(Exception):
    """The command line ended with another exit code than 0."""


@dataclass(frozen=True)
class Exit:
    """A way on which pictures leave.

    Attributes:
        leave: tries it.
        texts: it comes with a prompt.
        pictures: it comes with a document.
        edited: something in it is new.
        signed: a manifest is kept of it.
        file: it ends in a file.
        count: of pictures.
    """

    leave: object
    texts: bool = True
    pictures: bool = True
    edited: bool = True
    signed: bool = True
    file: bool = False
    count: int = 1


def _composite(asked):
    admission = asked.gate.admit(asked.job(asked.side))
    asked.left.append(asked.gate.release(Sealed.composite(asked.drawn(asked.side, 1)), admission))


def _layer(seal):
    def leave(asked):
        admission = asked.gate.admit(asked.job(asked.side))
        alpha = np.ones((asked.side, asked.side), np.float32)
        alpha[:4, :4] = 0
        sealed = seal(asked.drawn(asked.side, 1), alpha, x=2, y=3)
        asked.left.append(asked.gate.release(sealed, admission))

    return leave


def _sheet(asked):
    """As demo and gallery do: drawn from released pictures, without a request."""
    admission = asked.gate.admit(Job(operations=("contact_sheet",)))
    sheet = asked.gate.release(Sealed.composite(asked.drawn(asked.side, 2)), admission)
    save(sheet, asked.folder / "contact-sheet.png")
    asked.left.append(sheet)


def _request(asked, **fields):
    settings = {
        "image": Image(asked.drawn(asked.side)),
        "prompt": asked.job(asked.side).texts.prompt,
        "steps": 2,
    }
    return EditRequest(**settings | {"operations": (SDEdit(strength=0.5),)} | fields)


def _runner(asked):
    return retouch.runner.Runner(LIBRARY, asked.gate)


def _run(**fields):
    def leave(asked):
        for result in _runner(asked).run(_request(asked, **fields)):
            asked.left += [one for one in (result.composite, result.patch) if one]

    return leave


def _run_all(asked):
    """Two requests side by side: none may leave when none may."""
    problems = []
    for outcome in _runner(asked).run_all([_request(asked), _request(asked, seed=4)]):
        if isinstance(outcome, RetouchError):
            problems.append(outcome)
        else:
            asked.left += [result.composite for result in outcome]
    if problems:
        raise problems[0]


def _command(suffix):
    def leave(asked):
        source = asked.beside / "in.png"
        Pillow.fromarray(asked.drawn(asked.side)).save(source)
        prompt = asked.job(asked.side).texts.prompt
        given = ["edit", source, "-o", asked.folder / f"out{suffix}", "--prompt", prompt]
        code = command_line([*map(str, given), "--op", "sdedit:strength=0.5", "--steps", "2"])
        if code:
            raise NotDone(code)

    return leave


LIBRARY = Library()
EXITS = {
    "composite": Exit(_composite),
    "patch": Exit(_layer(Sealed.patch)),
    "preview": Exit(_layer(Sealed.preview), signed=False),
    "unchanged": Exit(_run(operations=(SDEdit(strength=0.0),)), edited=False),
    "variants": Exit(_run(variants=2), count=2),
    "both-forms": Exit(_run(output="both"), count=2),
    "run-all": Exit(_run_all, count=2),
    "sheet": Exit(_sheet, texts=False, pictures=False, file=True),
    "edit-png": Exit(_command(".png"), file=True),
    "edit-jpeg": Exit(_command(".jpg"), file=True),
    "edit-webp": Exit(_command(".webp"), file=True),
    "edit-tiff": Exit(_command(".tiff"), file=True),
}


def pytest_generate_tests(metafunc):
    """Fill in ``way``: every exit, or those that the mark ``only(texts=True)`` names."""
    if "way" in metafunc.fixturenames:
        wanted = {}
        for mark in metafunc.definition.iter_markers("only"):
            wanted |= mark.kwargs
        names = [n for n, e in EXITS.items() if all(getattr(e, k) == v for k, v in wanted.items())]
        metafunc.parametrize("way", [EXITS[name] for name in names], ids=names)


def pytest_configure(config):
    config.addinivalue_line("markers", "only(**traits): for exits with these traits alone")


class _Fixed:
    """In place of the engine: the same picture for every variant of a plan."""

    def __init__(self, drawn, plan):
        self.drawn, self.plan = drawn, plan

    def pictures(self):
        working, request = self.plan.region.working, self.plan.request
        made = self.drawn(max(working.height, working.width), 1)[: working.height, : working.width]
        seeds = range(request.seed, request.seed + request.variants)
        return [[(made.astype(np.float32) / 255, seed, {})] for seed in seeds]


@pytest.fixture
def attempt(gate, drawn, job, tmp_path, monkeypatch):
    """Try an exit: ``attempt(way, gate, side)``; what came out, and the error that ended it."""
    trials = []

    def alone(plan, *rest, **given):
        return _Fixed(drawn, plan)

    def together(plans, *rest):
        return [_Fixed(drawn, plan).pictures() for plan in plans]

    monkeypatch.setattr(retouch.runner, "Trajectories", alone)
    monkeypatch.setattr(retouch.runner, "run_together", together)

    def attempt(way, through=gate, side=SMALL):
        for maker in ("retouch.runner.Gate", "retouch_safety.gate.Gate"):
            monkeypatch.setattr(maker, lambda *args, **given: through)
        folder = tmp_path / f"out-{len(trials)}"
        folder.mkdir()
        asked = Asked(through, side, folder, tmp_path, drawn, job)
        trials.append(asked)
        try:
            way.leave(asked)
        except BaseException as error:  # also an interrupt: what is out by then counts
            asked.error = error
        return asked

    return attempt


@pytest.fixture
def refused(attempt, gate, capsys):
    """Try an exit that must be closed: no picture, no file, no record of a release, but of this."""

    def refused(way, stage, through=gate, side=SMALL, logged=True):
        before = released_records(through.installation.folder)
        asked = attempt(way, through, side)
        assert stage_of(asked.error, capsys.readouterr().err) == stage, repr(asked.error)
        assert asked.left == [] and asked.files == []
        assert released_records(through.installation.folder) == before
        if logged:
            last = last_record(through.installation.folder)
            assert last["event"] in ("refused", "failed") and last["stage"] == stage
        return asked

    return refused


def stage_of(error, shown):
    """Which check closed the exit, as its caller learns it."""
    if isinstance(error, Refused | Blocked):
        return error.stage
    if isinstance(error, NotDone):
        return shown.partition("blocked by the ")[2].partition(" check")[0]
    return None


def last_record(folder):
    """What a log says last."""
    path = max((folder / "audit").glob("audit-*.jsonl"))
    return json.loads(path.read_bytes().splitlines()[-1])


def released_records(folder):
    """How many releases a log tells of; counted in its bytes, as it may be damaged."""
    logs = (folder / "audit").glob("audit-*.jsonl") if (folder / "audit").is_dir() else ()
    return sum(path.read_bytes().count(b'"event":"released"') for path in logs)
