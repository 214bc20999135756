"""Who runs when, and with whom: class, fair share, deadline, age, rows, buckets."""

import pytest
import torch

from retouch.engine.engine import Engine, Priority, Tick


def served(network, call=-1):
    """Text values of the evaluations of a call: who they belong to."""
    return [float(e.condition.text.mean()) for e in network.calls[call]]


def test_nothing_to_do_is_no_forward(network):
    assert Engine().tick() == Tick(0, 0, 0)
    assert network.calls == []


def test_all_that_fits_shares_one_forward(network, walk):
    engine = Engine(row_cap=16)
    jobs = [engine.submit(walk(text=float(i), lanes=2)) for i in range(5)]
    assert engine.tick() == Tick(5, 5, 10)
    engine.run()
    assert network.rows == [10, 10, 10, 10]
    assert all(job.done and job.error is None for job in jobs)
    assert engine.active == 0


def test_results_are_those_of_running_alone(walk, alone):
    expected = [alone(walk(text=float(i), steps=3 + i)) for i in range(4)]
    engine = Engine()
    jobs = [engine.submit(walk(text=float(i), steps=3 + i)) for i in range(4)]
    engine.run()
    for job, result in zip(jobs, expected, strict=True):
        assert torch.equal(job.result, result)


def test_the_row_cap_holds_but_one_evaluation_is_never_split(network, walk):
    engine = Engine(row_cap=4)
    engine.submit(walk(lanes=6, text=9.0))
    for i in range(3):
        engine.submit(walk(lanes=2, text=float(i)))
    engine.run()
    for call, rows in zip(network.calls, network.rows, strict=True):
        assert rows <= 4 or len(call) == 1
        assert all(e.x.shape[0] in (2, 6) for e in call)


def test_a_smaller_one_fills_the_rows_that_a_larger_one_leaves(network, walk):
    engine = Engine(row_cap=4)
    for lanes in (3, 2, 1):
        engine.submit(walk(lanes=lanes))
    engine.tick()
    assert [e.x.shape[0] for e in network.calls[0]] == [3, 1]


def test_branches_of_one_job_may_be_spread_over_forwards(network, walk, alone):
    expected = alone(walk(branches=5, lanes=2, text=1.0))
    engine = Engine(row_cap=4)
    job = engine.submit(walk(branches=5, lanes=2, text=1.0))
    network.calls.clear()
    engine.run()
    assert torch.equal(job.result, expected)
    assert max(network.rows) == 4
    assert len(network.calls) == 4 * 3  # 5 evaluations of 2 rows per step: 4 + 4 + 2 rows


def test_other_shapes_and_other_networks_never_share(network, walk):
    other = type(network)()
    engine = Engine()
    engine.submit(walk(side=2))
    engine.submit(walk(side=3))
    engine.submit(walk(side=2, net=other))
    engine.run()
    assert network.rows == [1] * 8
    assert other.rows == [1] * 4


def test_exact_jobs_never_share(network, walk):
    engine = Engine()
    for i, exact in enumerate((True, False, False, True)):
        engine.submit(walk(text=float(i), exact=exact))
    engine.run()
    for call in range(len(network.calls)):
        who = served(network, call)
        assert len(who) == 1 or set(who) == {1.0, 2.0}


def test_higher_classes_go_first(network, walk):
    engine = Engine(row_cap=1)
    for text, priority in (
        (2.0, Priority.BATCH),
        (1.0, Priority.INTERACTIVE),
        (0.0, Priority.LIVE),
    ):
        engine.submit(walk(text=text, priority=priority))
    engine.run()
    assert [served(network, i)[0] for i in range(12)] == [0.0] * 4 + [1.0] * 4 + [2.0] * 4


def test_a_later_live_edit_takes_over_between_two_steps(network, walk):
    engine = Engine(row_cap=1)
    slow = engine.submit(walk(text=1.0, steps=20, priority=Priority.BATCH))
    engine.tick()
    live = engine.submit(walk(text=0.0, priority=Priority.LIVE))
    for _ in range(4):
        engine.tick()
    assert live.done
    assert slow.watched.done == 1
    engine.run()
    assert slow.watched.done == 20


def test_waiting_work_ages_into_higher_classes(network, walk):
    """A batch job moves although live work never ends."""
    engine = Engine(row_cap=1, aging=3)
    batch = engine.submit(walk(steps=3, text=9.0, priority=Priority.BATCH, client="batch"))
    engine.submit(walk(steps=500, text=0.0, priority=Priority.LIVE, client="live"))
    gaps, last = [], 0
    for tick in range(1, 60):
        engine.tick()
        if served(network) == [9.0]:
            gaps.append(tick - last)
            last = tick
    assert batch.done
    assert gaps[0] <= 2 * 3 + 1
    assert max(gaps) <= 2 * 3 + 1


def test_clients_of_a_class_share_rows_fairly(network, walk):
    """Ten jobs of one client do not starve the one job of another."""
    engine = Engine(row_cap=1)
    for _ in range(10):
        engine.submit(walk(steps=10, text=1.0, client="many"))
    few = engine.submit(walk(steps=10, text=2.0, client="few"))
    ticks = 0
    while not few.done:
        engine.tick()
        ticks += 1
    assert ticks <= 2 * 10


def test_a_new_client_has_neither_debt_nor_credit(network, walk):
    engine = Engine(row_cap=1)
    engine.submit(walk(steps=100, text=1.0, client="old"))
    for _ in range(50):
        engine.tick()
    engine.submit(walk(steps=100, text=2.0, client="new"))
    network.calls.clear()
    for _ in range(20):
        engine.tick()
    turns = [served(network, i)[0] for i in range(20)]
    assert turns.count(1.0) == turns.count(2.0) == 10


def test_the_earlier_deadline_goes_first_among_equals(network, walk):
    engine = Engine(row_cap=1)
    for text, deadline in ((0.0, None), (1.0, 20.0), (2.0, 10.0)):
        engine.submit(walk(text=text, steps=1, deadline=deadline))
    engine.run()
    assert [served(network, i)[0] for i in range(3)] == [2.0, 1.0, 0.0]


def test_run_stops_when_told(walk):
    engine = Engine()
    job = engine.submit(walk(steps=9))
    engine.run(until=lambda: job.watched.done == 3)
    assert job.watched.done == 3
    assert engine.active == 1


@pytest.mark.parametrize("steps", [0, 1])
def test_short_flows(walk, steps):
    engine = Engine()
    job = engine.submit(walk(steps=steps))
    assert job.done == (steps == 0)
    engine.run()
    assert job.done
    assert job.watched.closed


def test_a_paused_job_is_left_out_and_keeps_what_it_has(network, walk, alone):
    expected = alone(walk(text=1.0, steps=4))
    engine = Engine()
    paused, other = engine.submit(walk(text=1.0, steps=4)), engine.submit(walk(text=2.0))
    engine.tick()
    paused.paused, before = True, len(network.calls)
    assert engine.runnable == 1 and engine.active == 2
    engine.run()
    assert other.done and not paused.done
    assert all(1.0 not in served(network, call) for call in range(before, len(network.calls)))
    assert engine.tick() == Tick(0, 0, 0)
    paused.paused = False
    engine.run()
    assert torch.equal(paused.result, expected)


def test_a_paused_job_does_not_grow_older(network, walk):
    engine = Engine(row_cap=1, aging=2)
    paused = engine.submit(walk(text=1.0, steps=2))
    paused.priority, paused.paused = Priority.BATCH, True
    engine.submit(walk(text=2.0, steps=8))
    for _ in range(6):
        engine.tick()
    paused.paused = False
    engine.tick()
    assert served(network) == [2.0]


def test_a_paused_job_can_be_cancelled(walk):
    engine = Engine()
    job = engine.submit(walk())
    job.paused = True
    assert engine.cancel(job) and engine.active == 0
