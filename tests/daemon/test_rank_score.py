"""A result says how near best_of found it to the prompt, where best_of ranked."""

from types import SimpleNamespace

import pytest

from retouch.result import EditResult
from retouch_daemon.gate.answers import rank_score
from retouch_plugins.best_of import BestOf
from retouch_plugins.sdedit import SDEdit

PLAN = SimpleNamespace(candidates=2, request=SimpleNamespace(seed=5))


def test_a_ranked_result_has_the_score_of_its_own_try(client, house):
    asked = {"prompt": "a red house", "steps": 2, "seed": 5, "variants": 2}
    operations = [SDEdit(strength=0.6), BestOf(n=2)]
    for result in client.edit(house, operations=operations, **asked):
        scores = result.settings["best_of.similarity"]
        # The nearest is the one that is given, and the settings round.
        assert result.rank_score == max(scores) == scores[(result.seed - 5) % 2]
    for result in client.edit(house, operations=operations[:1], **asked):
        assert result.rank_score is None


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ([0.25, 0.5], 0.5),
        ([0.25, -1], -1.0),
        ([0.25], None),
        ([0.25, 0.5, 0.75], None),
        ([0.25, "0.5"], None),
        ([0.25, True], None),
        ([0.25, float("nan")], None),
        ([0.25, 1.5], None),
        ([0.25, None], None),
        (0.5, None),
        (None, None),
    ],
)
def test_what_the_engine_says_is_used_where_it_is_a_score(said, score):
    settings = {} if said is None else {"best_of.similarity": said}
    for seed in (6, 8):  # the second try, at each of two variants
        assert rank_score(EditResult(None, None, seed, settings), PLAN) == score
