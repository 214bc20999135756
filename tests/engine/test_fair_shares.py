"""Clients share what there is: level, with a little patience for those who ask for little."""

import pytest

from retouch.engine.fair_shares import FairShares


def served(shares, clients, turns, amount=1.0):
    """Serve whoever has had least, so many times."""
    found = []
    for _ in range(turns):
        client = min(clients, key=shares.had)
        shares.add(client, amount)
        found.append(client)
    return "".join(found)


def joined(credit, *clients):
    shares = FairShares(credit)
    for number, client in enumerate(clients):
        shares.join(client, clients[:number])
    return shares


def test_all_have_as_much():
    assert sorted(served(joined(5, "a", "b", "c"), "abc", 30)) == sorted("abc" * 10)


def test_a_new_name_is_worth_nothing():
    shares = joined(5, "a")
    served(shares, "a", 100)
    shares.join("b", ["a"])
    assert served(shares, "ab", 10).count("b") == 5


@pytest.mark.parametrize(("away", "first"), [(0, 0), (3, 3), (100, 5)])
def test_who_was_away_catches_up_to_the_credit_and_no_further(away, first):
    shares = joined(5, "a", "b")
    served(shares, "ab", 10)
    served(shares, "a", away)
    shares.join("b", ["a"])
    turns = served(shares, "ab", 20)
    ahead = len(turns) - len(turns.lstrip("b"))
    assert first <= ahead <= first + 1


def test_who_had_more_than_the_others_has_no_advantage_of_leaving():
    shares = joined(5, "a", "b")
    shares.add("a", 50)
    shares.join("a", ["b"])
    assert served(shares, "ab", 10) == "b" * 10


def test_few_are_remembered():
    shares = FairShares(1)
    for number in range(1000):
        shares.join(str(number), [])
        shares.add(str(number), 1)
    assert len(shares._had) == 256


def test_who_had_an_idle_machine_alone_owes_nobody_anything():
    shares = joined(5, "a")
    served(shares, "a", 1000)
    shares.join("b", [])  # a has left
    shares.join("a", ["b"])
    assert served(shares, "ab", 10).count("a") == 5


def test_many_names_do_not_make_one_that_is_active_forgotten():
    shares = joined(5, "a")
    served(shares, "a", 100)
    for number in range(1000):
        shares.join(str(number), ["a"])
    assert shares.had("a") == 100
