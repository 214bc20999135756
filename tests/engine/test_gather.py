"""gather: what several flows ask for at the same time shares one forward."""

import pytest
import torch

from retouch.denoiser import Condition, NoiseLevel, evaluate, gather
from retouch.engine.engine import Engine, Job

LEVEL = NoiseLevel(1.0, 1.0, 0.0, 0.0)


def chain(count, text, log=None):
    """A flow of ``count`` evaluations in a row."""
    x = torch.ones(1, 1, 2, 2)
    try:
        for _ in range(count):
            x = yield from evaluate(x, LEVEL, Condition(torch.full((1, 1, 1), text)))
        return x + 100 * text
    finally:
        if log is not None:
            log.append(text)


def run(network, flow):
    engine = Engine()
    job = engine.submit(Job(flow, network))
    engine.run()
    if job.error:
        raise job.error
    return job.result


def stacked(*flows):
    results = yield from gather(*flows)
    return torch.cat(results)


def test_results_come_in_order_whatever_finishes_first(network):
    found = run(network, stacked(chain(3, 1.0), chain(1, 2.0), chain(2, 3.0)))
    single = [run(network, chain(n, t)) for n, t in ((3, 1.0), (1, 2.0), (2, 3.0))]
    assert torch.equal(found, torch.cat(single))
    assert network.rows[:3] == [3, 2, 1]


def test_gathers_nest(network):
    def inner(text):
        results = yield from gather(chain(1, text), chain(1, text + 1))
        return sum(results)

    found = run(network, stacked(inner(1.0), inner(3.0)))
    assert network.rows == [4]
    assert found.shape[0] == 2


def test_flows_that_ask_for_nothing_are_answered_too(network):
    found = run(network, stacked(chain(0, 5.0), chain(1, 1.0), chain(0, 6.0)))
    assert found.shape[0] == 3
    assert network.rows == [1]


def test_gather_of_nothing_is_nothing(network):
    def flow():
        assert (yield from gather()) == []
        return torch.zeros(1)

    assert torch.equal(run(network, flow()), torch.zeros(1))
    assert network.rows == []


def test_when_one_raises_all_are_closed(network):
    def raising():
        yield from chain(1, 7.0)
        raise ArithmeticError("no")

    log = []
    with pytest.raises(ArithmeticError):
        run(network, stacked(chain(9, 1.0, log), raising(), chain(9, 2.0, log)))
    assert sorted(log) == [1.0, 2.0]


def test_closing_closes_all():
    log = []
    flow = stacked(chain(3, 1.0, log), chain(3, 2.0, log))
    next(flow)
    flow.close()
    assert sorted(log) == [1.0, 2.0]
