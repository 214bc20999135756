"""The order of the gate's steps: by class, in fair shares, in turn, and nobody waits for ever."""

import pytest

from retouch_daemon.gate.work_queue import AGING, CREDIT, Work, WorkQueue


def queue(**priorities):
    found = WorkQueue()
    for name, priority in priorities.items():
        found.add(Work(name, iter(()), priority))
    return found


def steps(queue, count):
    return "".join(queue.next().job_id for _ in range(count))


def test_those_of_a_class_have_a_step_in_turn():
    assert steps(queue(a=1, b=1, c=1), 7) == "abcabca"


def test_the_most_urgent_goes_first_whenever_it_comes():
    found = queue(a=2, b=1)
    assert steps(found, 2) == "bb"
    found.add(Work("l", iter(()), 0))
    assert steps(found, 3) == "lll"


def test_low_classes_always_move():
    """Between one step and the next at most two agings, one for each class above."""
    seen = steps(queue(l=0, b=2), 100)
    gaps = [len(gap) for gap in seen.split("b")]
    assert max(gaps) <= 2 * AGING and seen.count("b") >= 100 // (2 * AGING + 1)
    assert seen.startswith("l" * 2 * AGING)


def test_what_is_dropped_or_done_has_no_step():
    found = queue(a=1, b=1)
    found.add(Work("a", iter(()), 1))
    found.drop("a")
    assert steps(found, 2) == "bb"
    work = found.next()
    found.remove(work)
    found.remove(work)
    assert not found and found.lets("", 2)


@pytest.mark.parametrize(("priority", "first"), [(0, "b"), (2, "a")])
def test_a_class_may_change(priority, first):
    found = queue(a=1, b=1)
    found.serve("b", priority)
    assert found.next().job_id == first
    assert found.lets("", min(priority, 1)) and not found.lets("", min(priority, 1) + 1)


def shares(queue, count, seconds=lambda name: 1.0):
    """Which client's work had a step, each of which takes so long."""
    seen = []
    for _ in range(count):
        work = queue.next()
        queue.spent(work.client, seconds(work.client))
        seen.append(work.client)
    return "".join(seen)


def test_clients_share_the_time_whatever_they_have():
    """One with eight edits at work had eight of nine steps."""
    found = WorkQueue()
    for number in range(8):
        found.add(Work(f"g{number}", iter(()), 1, "g"))
    found.add(Work("p", iter(()), 1, "p"))
    assert shares(found, 10).count("p") == 5


def test_steps_that_take_long_count_for_what_they_take():
    found = WorkQueue()
    found.add(Work("a", iter(()), 1, "s"))
    found.add(Work("b", iter(()), 1, "f"))
    seen = shares(found, 80, {"s": 3.0, "f": 1.0}.__getitem__)
    assert 18 <= seen.count("s") <= 22


def test_whoever_comes_later_has_no_debt_and_whoever_was_away_a_small_credit():
    found = WorkQueue()
    found.add(Work("a", iter(()), 1, "a"))
    shares(found, 50, lambda name: 0.1)
    found.add(Work("b", iter(()), 1, "b"))
    assert shares(found, 10, lambda name: 0.1).count("a") == 5
    found.drop("b")
    shares(found, 50, lambda name: 0.1)
    found.add(Work("b", iter(()), 1, "b"))
    ahead = len(shares(found, 30, lambda name: 0.1).partition("a")[0])
    assert AGING <= ahead <= CREDIT / 0.1 + 1


def test_what_goes_before_may_be_of_those_that_have_had_less_alone():
    found = WorkQueue()
    found.add(Work("a", iter(()), 1, "a"))
    found.add(Work("b", iter(()), 1, "b"))
    found.spent("a", 2.0)
    assert found.lets("b", 1) and found.lets("new", 1) and not found.lets("a", 1)
    assert found.lets("a", 0), "of a higher class"
