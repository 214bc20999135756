"""Calls under way are counted by name while they last, and a name is forgotten after its last."""

import pytest

from retouch_daemon.front.calls_by_name import CallsByName


def test_calls_are_counted_by_name_while_they_last():
    calls = CallsByName()
    with calls.open("a") as first, calls.open("a") as second, calls.open("b") as other:
        assert (first, second, other) == (1, 2, 1)
        assert calls.total() == 3 and list(calls) == ["a", "b"]
    assert "a" not in calls and calls.total() == 0 and not list(calls)


def test_a_call_that_fails_is_over():
    calls = CallsByName()
    with calls.open("a"):
        with pytest.raises(ValueError), calls.open("a"):
            raise ValueError
        assert "a" in calls and calls.total() == 1


def test_names_can_be_looked_at_while_calls_end():
    calls = CallsByName()
    with calls.open("b"):
        ending = calls.open("a")
        with ending:
            names = iter(calls)
        assert list(names) == ["b", "a"]
