"""The order of the gate's steps: by class, those of a class in turn, and nobody waits for ever."""

import pytest

from retouch_daemon.gate.work_queue import AGING, Work, WorkQueue


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
    assert not found and found.rank is None


@pytest.mark.parametrize(("priority", "first"), [(0, "b"), (2, "a")])
def test_a_class_may_change(priority, first):
    found = queue(a=1, b=1)
    found.serve("b", priority)
    assert found.next().job_id == first and found.rank == min(priority, 1)
