"""A network that answers in microseconds, flows over it, and one tiny real model."""

import pytest
import torch

from retouch.denoiser import Condition, NoiseLevel, evaluate
from retouch.edit import Edit, EditInput
from retouch.engine.engine import Engine, Job
from retouch.engine.run import run_edit
from retouch.models.model import Model
from retouch.testing.checkpoints import tiny_sd


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Linear:
    """x0 = x / 2 + the condition's text, row by row; keeps what it was asked."""

    def __init__(self):
        self.calls = []

    def bucket(self, evaluation):
        return tuple(evaluation.x.shape[1:])

    def forward(self, evaluations):
        self.calls.append(evaluations)
        return [e.x / 2 + e.condition.text.mean() for e in evaluations]

    @property
    def rows(self):
        return [sum(e.x.shape[0] for e in call) for call in self.calls]


class Watched:
    """A flow of some steps that knows whether it was closed."""

    def __init__(self, steps=4, lanes=1, text=0.0, side=2, branches=1):
        self.closed = False
        self.done = 0
        self.arguments = (steps, lanes, text, side, branches)

    def __iter__(self):
        steps, lanes, text, side, branches = self.arguments
        condition = Condition(torch.full((1, 1, 1), text))
        x = torch.ones(lanes, 1, side, side)
        try:
            for step in range(steps):
                level = NoiseLevel(1.0, 1.0 - step / steps, float(step), step / steps)
                if branches == 1:
                    x = yield from evaluate(x, level, condition)
                else:
                    asked = [next(evaluate(x, level, condition))[0] for _ in range(branches)]
                    x = sum((yield asked)) / branches
                self.done = step + 1
            return x
        finally:
            self.closed = True


@pytest.fixture
def network():
    return Linear()


@pytest.fixture
def walk(network):
    """Make a job over the linear network; ``job.watched`` is its flow's own view."""

    def walk(*, steps=4, lanes=1, text=0.0, side=2, branches=1, net=None, **settings):
        watched = Watched(steps, lanes, text, side, branches)
        job = Job(iter(watched), net or network, **settings)
        job.watched = watched
        return job

    return walk


@pytest.fixture(scope="session")
def tiny():
    """A real model that does not blow up rounding.

    On purely random weights, guidance 7.5 turns one last digit of the source into 1.5e-3 of the
    result, in a batch or alone; with a quarter of the output it is 1e-5, as tolerances need.
    """
    checkpoint = tiny_sd()
    checkpoint.unet.conv_out.weight.data *= 0.25
    checkpoint.unet.conv_out.bias.data *= 0.25
    return Model(checkpoint, dtype=torch.float32, memory_format=torch.contiguous_format)


@pytest.fixture
def job_of(tiny):
    """Make a job of a real edit."""

    def job_of(
        operations, *, on_progress=lambda progress: None, model=None, settings=None, **given
    ):
        given = {"prompt": "a red cat", "negative_prompt": "dog", "size": (64, 64)} | given
        edit = Edit(EditInput(**({"steps": 5, "seed": 3} | given)), model or tiny, None)
        flow = run_edit(edit, operations, on_progress)
        return Job(flow, model or tiny, **(settings or {}))

    return job_of


@pytest.fixture
def alone():
    """Run one job by itself and return its result."""

    def alone(job):
        engine = Engine()
        engine.submit(job)
        engine.run()
        if job.error:
            raise job.error
        return job.result

    return alone
