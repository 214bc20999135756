"""Seeds keep every digit: those that the daemon draws, and all that it takes and reports."""

import json

import pytest
from asking_node import ask, needs_node

from retouch.v1 import sampling_pb2
from retouch_bridge.plugin_kit.choices import MOST_SEED, Choices, choices_of
from retouch_bridge.plugin_kit.panel_form import choices, modes, values_of
from retouch_daemon.reading.requests import _seed

LARGE = (2**31 - 1, 2**53 - 1, 2**53 + 1, 2**60 + 1, MOST_SEED)
TOO_LARGE = (MOST_SEED + 1, 10**19, -1)


def of_result(seed):
    """As a result's effective parameters report it: 64-bit numbers are texts in JSON."""
    return {"request": {"sampling": {"seeds": [str(seed)], "steps": 4}}}


@pytest.fixture
def restyle(catalog):
    return next(mode for mode in modes(catalog) if mode.name == "restyle")


def test_what_the_daemon_draws_every_client_holds():
    random = sampling_pb2.Sampling(seed_mode=sampling_pb2.SEED_MODE_RANDOM)
    drawn = [_seed(random, 16) for _ in range(200)]
    assert len(set(drawn)) > 190 and all(0 <= each < 2**31 - 255 for each in drawn)


@pytest.mark.parametrize("seed", LARGE)
def test_a_form_takes_what_the_daemon_reports(restyle, seed):
    values = values_of(choices_of(of_result(seed)))
    assert values["seed"] == seed
    for given in (seed, str(seed)):
        assert choices(restyle, {**values, "seed": given}).seed == seed


@pytest.mark.parametrize("seed", LARGE)
def test_a_recipe_keeps_it_also_where_numbers_are_doubles(seed):
    recipe = json.loads(json.dumps(Choices(seed=seed).to_recipe()), parse_int=float)
    kept = int(recipe["seed"])
    assert kept == seed
    assert Choices.of_recipe(Choices(seed=seed).to_recipe()).seed == seed


@pytest.mark.parametrize("seed", TOO_LARGE)
def test_what_the_daemon_would_refuse_is_refused_with_the_range(restyle, seed):
    with pytest.raises(ValueError, match=rf"seed: got .*allowed: whole numbers, 0 to {MOST_SEED}"):
        Choices.of_recipe({"seed": seed})
    with pytest.raises(ValueError, match=r"Seed: got .*allowed: 0 to"):
        choices(restyle, {"seed": seed})


@needs_node
def test_the_javascript_kit_does_the_same(catalog):
    replays = ask([("replay", [of_result(seed)]) for seed in LARGE])
    assert [int(each["seed"]) for each in replays] == list(LARGE)
    read = ask([("recipe", [Choices(seed=seed).to_recipe()]) for seed in LARGE])
    assert read == [{**Choices(seed=seed).to_recipe(), "operations": []} for seed in LARGE]
    filled = ask([("filled", [catalog, "restyle", {"seed": str(s)}, {}]) for s in LARGE])
    assert [int(each["recipe"]["seed"]) for each in filled] == list(LARGE)
    wrong = ask([("recipe", [{"seed": str(seed)}]) for seed in TOO_LARGE])
    wrong += ask([("filled", [catalog, "restyle", {"seed": str(s)}, {}]) for s in TOO_LARGE])
    assert all(" 0 to " in each["wrong"] for each in wrong)
