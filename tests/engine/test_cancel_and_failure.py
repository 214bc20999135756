"""Cancelling, and edits that fail: nobody else is affected and nothing stays behind."""

import gc
import weakref
from dataclasses import dataclass

import pytest
import torch

from retouch.engine.engine import Engine, Job
from retouch.errors import Cancelled, InvalidField, OperationFailed
from retouch.operation import Operation, Stage
from retouch_plugins.guidance import Guidance


@pytest.mark.parametrize("step", range(5))
def test_cancel_at_every_step_leaves_nothing_behind(network, walk, alone, step):
    expected = alone(walk(text=2.0, steps=6))
    engine = Engine()
    victim, other = (engine.submit(walk(text=t, steps=6, client=str(t))) for t in (1.0, 2.0))
    for _ in range(step):
        engine.tick()
    assert engine.cancel(victim)
    assert victim.done
    assert victim.watched.closed
    assert isinstance(victim.error, Cancelled)
    assert victim.result is None
    assert engine.active == 1
    network.calls.clear()
    engine.run()
    assert set(network.rows) == {1}, "no row was started for it afterwards"
    assert torch.equal(other.result, expected)
    assert not engine.cancel(victim)
    assert not engine.cancel(other)
    assert engine.active == 0


def test_a_cancelled_edit_is_freed(tiny, job_of):
    engine = Engine()
    job = engine.submit(job_of([Guidance()]))
    engine.tick()
    edit = weakref.ref(job.flow.gi_frame.f_locals["edit"])
    engine.cancel(job)
    gc.collect()
    assert edit() is None


def test_an_edit_may_cancel_itself_from_its_progress(job_of):
    engine = Engine()
    seen = []

    def stop(progress):
        seen.append(progress.done)
        if progress.done == 2:
            assert engine.cancel(job)

    job = engine.submit(job_of([Guidance()], on_progress=stop))
    engine.run()
    assert isinstance(job.error, Cancelled)
    assert seen == [1, 2]
    assert engine.active == 0


def test_an_edit_may_cancel_another_from_its_progress(job_of):
    """Latest wins: the new frame ends its predecessor, in the very tick both were served in."""
    engine = Engine()
    first = engine.submit(job_of([Guidance()]))
    second = engine.submit(job_of([Guidance()], on_progress=lambda progress: engine.cancel(third)))
    third = engine.submit(job_of([Guidance()]))
    engine.run()
    assert isinstance(third.error, Cancelled)
    assert first.error is None
    assert second.error is None


@dataclass(frozen=True, kw_only=True)
class Broken(Operation):
    """Raises in one of the verbs."""

    name = "broken"
    stage = Stage.PROJECTION
    summary = "Breaks."
    source = "none"
    place: str = "prepare"

    def _break(self, place):
        if self.place == place:
            raise IndexError("shapes (3,) and (4,)")

    def prepare(self, edit):
        self._break("prepare")
        if self.place == "invalid":
            raise InvalidField("broken.place", "invalid", "anything else", "choose another")

    def denoise(self, inner, edit):
        def denoise(x, level, condition):
            x0 = yield from inner(x, level, condition)
            if level.progress > 0.5:
                self._break("denoise")
            return x0

        return denoise

    def project(self, x, level, edit):
        if level.progress > 0.5:
            self._break("project")
        return x


@pytest.mark.parametrize("place", ["prepare", "denoise", "project"])
def test_a_raising_operation_ends_its_own_edit_and_is_named(job_of, alone, place):
    expected = alone(job_of([Guidance()]))
    engine = Engine()
    good = engine.submit(job_of([Guidance()]))
    bad = engine.submit(job_of([Guidance(), Broken(place=place)]))
    engine.run()
    assert isinstance(bad.error, OperationFailed)
    assert bad.error.operation == "broken"
    assert bad.error.where.startswith(place)
    assert "IndexError" in str(bad.error)
    assert "shapes (3,) and (4,)" in str(bad.error)
    if place != "prepare":
        assert "progress 0.60" in bad.error.where
        assert "(1, 4, 8, 8)" in bad.error.where
    assert isinstance(bad.error.__cause__, IndexError)
    assert good.error is None
    assert (good.result - expected).abs().max() <= 1e-4
    assert engine.active == 0


def test_what_operations_raise_on_purpose_passes_unchanged(job_of):
    bad = Engine().submit(job_of([Broken(place="invalid")]))
    assert isinstance(bad.error, InvalidField)


class Picky:
    """A network that cannot serve one edit, alone or with others."""

    def __init__(self, inner):
        self.inner = inner
        self.bucket = inner.bucket

    def forward(self, evaluations):
        if any(float(e.condition.text.mean()) == 13.0 for e in evaluations):
            raise RuntimeError("cannot multiply")
        return self.inner.forward(evaluations)


def test_a_forward_that_fails_for_one_ends_only_that_one(network, walk, alone):
    expected = [alone(walk(text=t)) for t in (1.0, 2.0)]
    net = Picky(network)
    engine = Engine()
    jobs = [engine.submit(walk(text=t, net=net, branches=2)) for t in (1.0, 13.0, 2.0)]
    engine.run()
    assert str(jobs[1].error) == "cannot multiply"
    assert jobs[1].watched.closed
    assert torch.equal(jobs[0].result, expected[0])
    assert torch.equal(jobs[2].result, expected[1])
    assert engine.active == 0


def test_too_few_answers_are_an_error_not_a_crash(network, walk):
    network.forward = lambda evaluations: []
    engine = Engine()
    jobs = [engine.submit(walk()) for _ in range(2)]
    engine.run()
    assert all(isinstance(job.error, ValueError) for job in jobs)


def asks_for_nothing():
    yield []


def asks_for_something_else():
    yield ["x0, please"]


def resists():
    while True:
        try:
            yield asks
        except GeneratorExit:
            continue


asks = []


@pytest.mark.parametrize("flow", [asks_for_nothing, asks_for_something_else])
def test_a_flow_that_asks_badly_ends_alone(network, walk, flow):
    engine = Engine()
    good = engine.submit(walk())
    bad = engine.submit(Job(flow(), network))
    engine.run()
    assert bad.done
    assert isinstance(bad.error, ValueError | AttributeError)
    assert good.error is None
    assert good.done


def test_a_flow_that_resists_closing_is_still_removed(network, walk):
    asks.append(next(iter(walk().flow))[0])
    engine = Engine()
    good = engine.submit(walk())
    bad = Job(resists(), network)
    engine.submit(bad)
    assert engine.cancel(bad)
    assert bad.done
    assert isinstance(bad.error, Cancelled)
    engine.run()
    assert good.error is None
    asks.clear()
    # Python complains when such a generator is collected; let it yield its last here.
    with pytest.raises(RuntimeError):
        bad.flow.throw(RuntimeError("end"))
