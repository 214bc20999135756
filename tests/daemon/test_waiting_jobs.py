"""Whose turn it is and who stands where, against the plain way of finding out."""

import random
from collections import Counter
from dataclasses import replace

from retouch_daemon.front.waiting_jobs import WaitingJobs
from retouch_daemon.storage.job_records import JobRecord, State


def job(name, client="host", priority=1, created=0.0, paused=False):
    return JobRecord(
        name, client, name, "", "", priority, State.QUEUED, created, None, paused=paused
    )


def names(found):
    return [each.job_id for each in found]


def by_class(each):
    return each.priority, each.created, each.job_id


def test_class_comes_before_arrival_and_clients_with_less_at_work_before_others():
    waiting = WaitingJobs()
    for each in (
        job("first", "a", created=1.0), job("second", "a", created=2.0),
        job("other", "b", created=3.0), job("batch", "c", priority=2, created=0.5),
    ):  # fmt: skip
        waiting.put(each)
    assert names(waiting) == ["first", "second", "other", "batch"]
    assert waiting.next({}).job_id == "first"
    assert waiting.next({"a": 1}).job_id == "other"
    assert waiting.next({"a": 1, "b": 1}).job_id == "first"
    assert waiting.ready_of("a", 1) == 2 and waiting.ready_of("a", 2) == 0


def test_what_is_paused_stands_in_its_place_and_is_not_begun():
    waiting = WaitingJobs()
    waiting.put(job("paused", created=1.0, paused=True))
    assert waiting.next({}) is None and waiting.ready_of("host", 1) == 0 and "paused" in waiting
    waiting.put(job("paused", created=1.0))
    assert waiting.next({}).job_id == "paused" and names(waiting) == ["paused"]
    assert waiting.take("paused").job_id == "paused" and waiting.take("paused") is None
    assert waiting.next({}) is None and "paused" not in waiting


def test_places_are_told_once_and_again_to_those_who_watch():
    waiting = WaitingJobs()
    for number in range(4):
        waiting.put(job(str(number), created=float(number)))
    assert list(waiting.news([])) == [("0", 0), ("1", 1), ("2", 2), ("3", 3)]
    assert list(waiting.news(["3", "somebody else's"])) == []
    waiting.take("0")
    assert list(waiting.news(["3"])) == [("3", 2)]
    waiting.put(job("3", created=3.0, priority=0))
    assert list(waiting.news(["3"])) == [("3", 0)]
    waiting.take("3")
    waiting.put(job("3", created=3.0))
    assert list(waiting.news([])) == [("3", 2)], "it was away: it is told anew"


def test_whatever_happens_it_is_as_a_list_says():
    drawn, waiting, known = random.Random(0), WaitingJobs(), {}
    for number in range(2000):
        at_work = Counter(drawn.choices("abc", k=3))
        kind = drawn.random()
        if kind < 0.5 or not known:
            new = job(str(number), drawn.choice("abc"), drawn.randrange(3), drawn.random())
            known[new.job_id] = new
            waiting.put(new)
        elif kind < 0.7:
            name = drawn.choice(list(known))
            known[name] = replace(
                known[name], priority=drawn.randrange(3), paused=drawn.random() < 0.5
            )
            waiting.put(known[name])
        else:
            name = drawn.choice(list(known))
            assert waiting.take(name) == known.pop(name)
        assert names(waiting) == names(sorted(known.values(), key=by_class))
        ready = [each for each in known.values() if not each.paused]
        turn = min(
            ready, key=lambda each: (each.priority, at_work[each.client], by_class(each)),
            default=None,
        )  # fmt: skip
        assert waiting.next(at_work) == turn
        of_a = [each for each in ready if (each.client, each.priority) == ("a", 2)]
        assert waiting.ready_of("a", 2) == len(of_a)
