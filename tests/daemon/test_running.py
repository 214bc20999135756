"""Which jobs the engine is given: after two deaths a job runs alone, so that only killers fail."""

import pytest

from retouch_daemon.front.running import ATTEMPTS, Deaths, Running
from retouch_daemon.storage.job_records import JobRecord, State


def job(name, priority=1, paused=False):
    known = {"client": "c", "client_job_id": name, "group": "", "document": ""}
    known |= {"state": State.RUNNING, "created": 0.0, "deadline": None}
    return JobRecord(job_id=name, priority=priority, paused=paused, **known)


def waiting(name, **given):
    return Running(job(name, **given), b"", 1, admitted=True)


def working(name):
    found = waiting(name)
    found.at_engine = True
    return found


def suspected(*names):
    deaths = Deaths()
    for name in names * (ATTEMPTS - 1):
        assert not deaths.note(name)
    return deaths


def given_of(deaths, *jobs):
    return [each.job_id for each in deaths.may_start(jobs)]


def test_all_that_are_admitted_start_together_the_first_class_first():
    jobs = waiting("a"), waiting("b", priority=0), Running(job("c"), b"", 1), working("d")
    assert given_of(Deaths(), *jobs) == ["b", "a"]


def test_what_is_paused_waits():
    assert given_of(Deaths(), waiting("a", paused=True), waiting("b")) == ["b"]


def test_a_suspect_starts_when_nothing_else_runs_and_then_nothing_else_does():
    deaths = suspected("s")
    assert given_of(deaths, waiting("s"), waiting("a")) == ["s"]
    assert given_of(deaths, waiting("s"), working("a"), waiting("b")) == []
    assert given_of(deaths, working("s"), waiting("a")) == []


def test_a_suspect_waits_for_nobody_that_comes_after_it():
    deaths = suspected("s", "t")
    jobs = waiting("a"), waiting("s"), waiting("b"), waiting("t")
    assert given_of(deaths, *jobs) == ["a"]  # and "b" not: else "s" might wait for ever
    assert given_of(deaths, *jobs[1:]) == ["s"]


def test_the_third_death_is_one_too_many_and_forgotten_with_the_job():
    deaths = suspected("s")
    assert deaths.suspected("s") and deaths.note("s")
    deaths.forget("s")
    assert not deaths.suspected("s")


@pytest.mark.parametrize(("done", "left"), [(0, 8), (3, 5), (8, 0)])
def test_who_is_cancelled_is_told_how_far_it_was(done, left):
    running = working("a")
    running.done, running.of = done, 8
    found = running.cancelled("asked")
    assert (found.reason, found.steps_done, found.steps_left) == ("asked", done, left)
    assert running.progress().step == done
