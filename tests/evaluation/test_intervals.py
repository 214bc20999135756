import json
import math

import numpy as np
import pytest

from retouch.evaluation.results.intervals import mean, share, wilson


def test_wilson_agrees_with_published_values():
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3 (score, no correction).
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611)}
    for (hits, count), (low, high) in published.items():
        assert wilson(hits, count) == pytest.approx((low, high), abs=5e-5)


def test_wilson_covers_the_true_share_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = [
        low <= 0.9 <= high
        for low, high in (wilson(int(k), 80) for k in rng.binomial(80, 0.9, 4000))
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (5, 5)])
def test_wilson_holds_at_both_ends(hits, count):
    low, high = wilson(hits, count)
    assert low == 0 if hits == 0 else high == 1
    assert 0 < high - low < 1


@pytest.mark.parametrize(("hits", "count"), [(0, 0), (3, 2), (-1, 2)])
def test_wilson_refuses_what_is_no_share(hits, count):
    with pytest.raises(ValueError, match="hits of"):
        wilson(hits, count)


def test_share_counts():
    found = share([True, False, True, True])
    assert (found.hits, found.count, found.share) == (3, 4, 0.75)
    assert found.low < 0.75 < found.high
    assert json.loads(json.dumps(found.to_json()))["hits"] == 3
    with pytest.raises(ValueError):
        share([])


def test_bootstrap_interval_is_close_to_the_normal_one_and_repeats():
    values = list(np.random.default_rng(1).normal(3, 2, 400))
    found = mean(values, seed=5)
    half = 1.96 * np.std(values) / math.sqrt(len(values))
    assert found.mean == pytest.approx(np.mean(values))
    assert found.high - found.mean == pytest.approx(half, rel=0.15)
    assert found.mean - found.low == pytest.approx(half, rel=0.15)
    assert mean(values, seed=5) == found


@pytest.mark.parametrize("values", [[], [1.0, math.inf], [math.nan]])
def test_mean_refuses_what_has_none(values):
    with pytest.raises(ValueError, match="finite"):
        mean(values)
