"""Close-ups of edits: what training draws must be what its words say."""

import numpy as np
import pytest
from training import pictures


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(5)
    return [pictures.near(rng) for _ in range(60)]


def test_the_window_holds_the_object(drawn):
    for close in drawn:
        for scene, masks in ((close.edit.before, close.old), (close.edit.after, close.new)):
            assert len(masks) == len(scene.things) <= 1
            for mask in masks:
                assert mask.shape == (64, 64) and mask.sum() > 150
                rows, columns = np.nonzero(mask > 0.5)
                middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
                assert np.abs(np.array(middle) - 31.5).max() <= pictures.OFF + 2


def test_outside_of_the_objects_an_object_edit_changes_nothing(drawn):
    for close in drawn:
        if close.edit.kind in ("swap", "recolour", "add", "remove"):
            changed = np.abs(close.after - close.before).max(axis=2) > 1e-6
            covered = sum([*close.old, *close.new], np.zeros((64, 64))) > 0
            assert changed.any() and not (changed & ~covered).any()


def test_words_say_nothing_of_the_place_in_the_picture(drawn):
    for close in drawn:
        for scene in (close.edit.before, close.edit.after):
            assert scene.position == "centre"
            assert all(thing.size == 0.6 for thing in scene.things)
        assert " on the left" not in close.edit.instruction


def test_the_same_seed_draws_the_same():
    one, other = (pictures.near(np.random.default_rng(9)) for _ in range(2))
    assert one.edit == other.edit and np.array_equal(one.after, other.after)
