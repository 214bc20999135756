from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from retouch.errors import Blocked
from retouch.evaluation.autoencoder import round_trips
from retouch.evaluation.generation.drawing import draw
from retouch.evaluation.generation.skills import SKILLS, cases, passed, shuffled, tally
from retouch.evaluation.judge.verdict import Found, Verdict
from retouch.evaluation.scenes.scene import render
from retouch.imaging.image import Image
from retouch.models.library import Library
from retouch.request import EditRequest
from retouch.runner import Runner
from retouch_plugins.guidance import Guidance
from retouch_safety.gate import Gate


@pytest.fixture(scope="module")
def runner(tiny_installed):
    return Runner(Library(dtype=torch.float32))


def exact(case):
    """The verdict that a perfect judge gives of the case's own scene."""
    things = tuple(
        Found(t.noun, 0.99, t.colour or "grey", 0.9, t.x, t.y, t.size) for t in case.scene.things
    )
    nothing = np.zeros((128, 128), np.float32)
    return Verdict(things, case.scene.place, 1.0, case.scene.night, case.scene.season, nothing)


def test_cases_repeat_and_depend_on_the_seed():
    assert cases(3, 60) == cases(3, 60)
    assert cases(3, 60) == cases(3, 120)[:60]
    assert {c.prompt for c in cases(3, 60)}.isdisjoint({c.prompt for c in cases(4, 60)} - {""})


def test_cases_are_balanced_valid_and_all_different():
    given = cases(0)
    assert len(given) >= 400
    assert set(Counter(case.skill for case in given).values()) == {len(given) // len(SKILLS)}
    assert len({case.prompt for case in given}) == len(given)
    assert all(case.scene.valid() for case in given)
    by_skill = {skill: [c.scene for c in given if c.skill == skill] for skill in SKILLS}
    many = Counter(len(scene.things) for scene in by_skill["counting"])
    assert set(many) == {2, 3, 4} and max(many.values()) - min(many.values()) <= 1
    relations = Counter(scene.relation for scene in by_skill["position"])
    assert set(relations) == {"left", "right", "above", "below"}
    assert max(relations.values()) == min(relations.values())
    colours = Counter(scene.things[0].colour for scene in by_skill["colours"])
    assert len(colours) == 11 and max(colours.values()) - min(colours.values()) <= 1
    nouns = Counter(scene.things[0].noun for scene in by_skill["single"])
    assert max(nouns.values()) == 1
    for scene in by_skill["binding"]:
        first, second = scene.things
        assert first.colour and second.colour and first.colour != second.colour


def test_prompts_say_what_is_judged():
    for case in cases(0, 120):
        things = case.scene.things
        assert things[0].noun[:3] in case.prompt
        if case.skill in ("colours", "binding"):
            assert all(f"{thing.colour} {thing.noun}" in case.prompt for thing in things)
        if case.skill == "position":
            assert case.scene.relation in case.prompt


def test_too_few_cases_are_refused():
    with pytest.raises(ValueError, match="one per skill"):
        cases(0, 3)


@pytest.mark.parametrize("case", cases(1, 12), ids=lambda case: case.name)
def test_a_skill_passes_only_for_its_own_scene(case):
    seen = exact(case)
    assert passed(case, seen)
    assert not passed(case, replace(seen, things=()))
    assert not passed(case, replace(seen, things=tuple(faint(t) for t in seen.things)))
    if case.skill in ("colours", "binding"):
        other = tuple(replace(t, colour="none") for t in seen.things)
        assert not passed(case, replace(seen, things=other))
    if case.skill == "counting":
        extra = replace(seen.things[0], x=0.9, y=0.9)
        assert not passed(case, replace(seen, things=(*seen.things, extra)))
    if case.skill in ("two", "position", "binding"):
        assert not passed(case, replace(seen, things=seen.things[:1]))
    if case.skill == "position":
        first, second = seen.things
        swapped = (replace(first, x=second.x, y=second.y), replace(second, x=first.x, y=first.y))
        assert not passed(case, replace(seen, things=swapped))


def faint(thing):
    return replace(thing, score=0.05)


def test_a_column_counts_refused_pictures_as_misses():
    given = cases(2, 60)
    verdicts = [exact(case) for case in given]
    assert tally(given, verdicts).mean == 1
    half = [seen if index < 30 else None for index, seen in enumerate(verdicts)]
    scores = tally(given, half)
    assert scores.mean == pytest.approx(0.5)
    assert scores.place.hits == scores.present.hits == 30
    with pytest.raises(ValueError):
        tally(given, verdicts[:-1])


def test_shuffled_prompts_keep_the_skill_and_change_the_prompt():
    given = cases(2, 60)
    for case, other in zip(given, shuffled(given), strict=True):
        assert case.skill == other.skill and case.prompt != other.prompt
    assert tally(shuffled(given), [exact(case) for case in given]).mean < 0.1


def test_side_by_side_gives_what_one_at_a_time_gives(runner):
    prompts = [("a cat", 1), ("a red dog in the snow", 2), ("two cows", 3)]
    together = list(draw(prompts, "tiny", runner, steps=2))
    alone = [next(draw([prompt], "tiny", runner, steps=2)) for prompt in prompts]
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a.pixels, b.pixels, atol=2e-4)
    assert np.abs(together[0].pixels - together[1].pixels).max() > 0.01


class Refusing:
    name, category = "refusing", "test"

    def score(self, rgb, region):
        return {"whole": 1.0}

    def self_test(self):
        pass


def test_nothing_leaves_but_through_the_gate(runner):
    strict = Runner(runner.library, Gate([Refusing()]))
    assert list(draw([("a cat", 1)], "tiny", strict, steps=1)) == [None]
    request = EditRequest(
        image=Image(np.zeros((64, 64, 3), np.float32)), operations=(Guidance(),), model="tiny"
    )
    (refusal,) = strict.run_all([replace(request, steps=1)])
    assert isinstance(refusal, Blocked)


def test_round_trips_keep_the_size(runner):
    picture = render(cases(0, 6)[0].scene, 64)[0]
    (back,) = round_trips([picture], "tiny", runner)
    assert back.shape == picture.shape and back.dtype == np.float32
    assert back.min() >= 0 and back.max() <= 1
