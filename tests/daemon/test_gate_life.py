"""Who is to blame when the gate ends: the job that it was at, and nobody where it was at none."""

import pytest

from retouch_daemon.front.gate_life import GateLife
from retouch_daemon.front.running import Running
from retouch_daemon.link.frames import BrokenFrame, Frame
from retouch_daemon.storage.job_records import JobRecord, State


def running(name, **given):
    job = JobRecord(name, "c", name, "", "", 1, State.RUNNING, 0.0, None)
    return Running(job, **{"request": b"asked", "attempt": 1} | given)


@pytest.fixture
def life():
    found = GateLife()
    assert found.take(Frame("warm", {"refusal": ""})) and found.warm
    return found


def test_the_job_that_it_was_at_is_to_blame_and_the_check_of_others_is_repeated(life):
    a, b, engine = running("a"), running("b"), running("c", admitted=True, at_engine=True)
    assert life.take(Frame("at", {"job_id": "b"}))
    assert life.ended([a, b, engine]) == (b, [a, b])
    assert (life.at, life.warm) == ("", False)


def test_a_look_that_ends_it_is_the_fault_of_its_job(life):
    """The job itself is with the engine meanwhile."""
    looked_at = running("a", admitted=True, at_engine=True)
    life.take(Frame("at", {"job_id": "a"}))
    assert life.ended([looked_at]) == (looked_at, [looked_at])


@pytest.mark.parametrize("at", ["", "over"])
def test_over_a_question_or_at_rest_nobody_is_to_blame(life, at):
    job = running("a")
    life.take(Frame("at", {"job_id": at}))
    assert life.ended([job]) == (None, [job])


def test_what_is_on_its_way_from_the_disk_was_not_there(life):
    assert life.ended([running("a", request=b"")]) == (None, [])


def test_before_it_is_warm_it_has_begun_with_none_but_the_one_that_ended_it():
    life, a, b = GateLife(), running("a"), running("b")
    assert life.ended([a, b]) == (None, [])
    life.take(Frame("at", {"job_id": "b"}))
    assert life.ended([a, b]) == (b, [b])


def test_a_gate_that_refuses_everything_is_not_ready_and_says_why(caplog):
    life = GateLife()
    assert life.take(Frame("warm", {"refusal": "the model is missing"}))
    assert not life.warm and "the model is missing" in caplog.text


def test_words_about_edits_are_none_of_its_own(life):
    assert not life.take(Frame("admitted", {"job_id": "a"}))
    with pytest.raises(BrokenFrame):
        life.take(Frame("at", {"job_id": 5}))
