"""Scenes: what the caption says is what the picture and its masks show."""

from dataclasses import replace

import numpy as np
import pytest

from retouch.evaluation.scenes import captions, edits, layouts, scene, vocabulary
from retouch.evaluation.scenes.sprites import sprite


def drawn(kind=None, seed=0, count=60):
    rng = np.random.default_rng(seed)
    return [layouts.sample(rng, kind) for _ in range(count)]


def test_there_are_as_many_words_as_promised():
    assert len(set(vocabulary.NOUNS)) == len(vocabulary.NOUNS) >= 100
    assert len(vocabulary.COLOURS) == 11
    assert len(vocabulary.PLACES) == 12


@pytest.mark.parametrize("noun", vocabulary.NOUNS)
def test_every_noun_has_a_drawing_that_takes_every_colour(noun):
    natural = sprite(noun, "")
    assert (natural[..., 3] > 128).mean() > 0.1
    for colour, rgb in vocabulary.COLOURS.items():
        tinted = sprite(noun, colour).astype(float)
        inside = tinted[tinted[..., 3] == 255][:, :3] / 255
        # The median of a tinted drawing is the colour itself.
        assert np.abs(np.median(inside, axis=0) - rgb).max() < 0.3, (noun, colour)


def test_the_same_seed_draws_the_same_picture():
    first, second = drawn(seed=5), drawn(seed=5)
    assert first == second
    np.testing.assert_array_equal(scene.render(first[3])[0], scene.render(second[3])[0])


@pytest.mark.parametrize("kind", layouts.KINDS)
def test_a_picture_changes_exactly_where_its_masks_say(kind):
    for one in drawn(kind, count=20):
        picture, masks = scene.render(one)
        bare, none = scene.render(replace(one, things=()))
        covered = scene.coverage(masks, 128)
        assert len(masks) == len(one.things) and none == []
        np.testing.assert_array_equal(picture[covered == 0], bare[covered == 0])
        assert picture.dtype == np.float32 and picture.min() >= 0 and picture.max() <= 1


@pytest.mark.parametrize(
    ("relation", "axis", "sign"),
    [("left", 0, -1), ("right", 0, 1), ("above", 1, -1), ("below", 1, 1)],
)
def test_the_first_of_two_lies_where_the_caption_says(relation, axis, sign):
    rng = np.random.default_rng(2)
    one = layouts.pair(rng, layouts.setting(rng), relation)
    first, second = (np.array([t.x, t.y]) for t in one.things)
    assert np.sign((first - second)[axis]) == sign
    assert captions.RELATION_WORDS[relation] in captions.caption(one)


def test_captions_name_every_object_its_colour_and_the_place():
    for one in drawn(count=200):
        text = captions.caption(one)
        several = len(one.things) > 1 and not one.relation
        for thing in one.things:
            assert (vocabulary.plural(thing.noun) if several else thing.noun) in text
            assert thing.colour in text
        assert captions.place_phrase(one.place, bare=not one.things) in text
        assert ("night" in text) == one.night and one.season in text
        if several:
            assert text.startswith(vocabulary.COUNTS[len(one.things)])


def test_objects_are_never_drawn_in_the_colour_of_their_background():
    for one in drawn(count=300, seed=8):
        for thing in one.things:
            assert thing.colour != one.place
            assert (thing.colour, one.place) not in vocabulary.CLASHES


@pytest.mark.parametrize("kind", edits.KINDS)
def test_an_edit_changes_what_it_names_and_nothing_else(kind):
    rng = np.random.default_rng(11)
    for _ in range(15):
        edit = edits.sample_edit(rng, kind)
        before, after = edit.before, edit.after
        assert edit.kind == kind and before != after and edit.instruction
        setting = ("place", "night", "season", "variant")
        kept = {name: getattr(before, name) == getattr(after, name) for name in setting}
        if kind in ("swap", "recolour", "resize", "add", "remove", "move", "count"):
            assert all(kept.values())
        else:
            assert before.things == after.things
        if kind == "swap":
            changed = [a.noun != b.noun for a, b in zip(before.things, after.things, strict=True)]
            assert sum(changed) == 1 and changed[edit.subject]
        if kind == "recolour":
            pairs = zip(before.things, after.things, strict=True)
            assert [replace(a, colour="") == replace(b, colour="") for a, b in pairs].count(
                False
            ) == 0
        if kind == "light":
            assert before.night != after.night and kept["place"]
        if kind == "season":
            assert before.season != after.season and kept["place"]
