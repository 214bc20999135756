from collections import Counter

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from retouch.evaluation.generation import skills
from retouch.evaluation.judge.judge import WEIGHTS, Judge
from retouch.evaluation.judge.verdict import (
    Found,
    Verdict,
    bound,
    count,
    position,
    related,
    relation_holds,
    shows,
)
from retouch.evaluation.measures.distances import mask_iou, perceptual, structure
from retouch.evaluation.scenes.layouts import sample
from retouch.evaluation.scenes.scene import Scene, Thing, coverage, render

#: Accuracy on exact drawings is 0.99; see the issue's goal of 0.97.
LEAST = 0.93


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def judge():
    return Judge.load()


@pytest.fixture(scope="module")
def held_out():
    """198 cases from a seed of the tests' own, and their exact drawings."""
    cases = skills.cases(seed=4711, count=198)
    return cases, np.stack([render(case.scene)[0] for case in cases])


@pytest.fixture(scope="module")
def verdicts(judge, held_out):
    return judge.look(held_out[1])


def found(noun="cat", score=0.9, colour="red", x=0.5, y=0.5):
    return Found(noun, score, colour, 0.9, x, y, 0.4)


def verdict(*things):
    mask = np.zeros((128, 128), np.float32)
    return Verdict(tuple(sorted(things, key=lambda t: -t.score)), "sky", 1.0, False, "", mask)


def test_it_knows_what_exact_drawings_show(held_out, verdicts):
    scores = skills.tally(held_out[0], verdicts)
    hits = sum(skill.hits for skill in scores.skills.values())
    assert hits / len(verdicts) >= LEAST, scores
    assert all(skill.share >= LEAST - 0.11 for skill in scores.skills.values()), scores
    assert scores.place.share >= LEAST, scores


def test_another_prompt_does_not_pass(held_out, verdicts):
    assert skills.tally(skills.shuffled(held_out[0]), verdicts).mean < 0.05


def test_it_sees_night_and_season(held_out, verdicts):
    pairs = [(case.scene, seen) for case, seen in zip(held_out[0], verdicts, strict=True)]
    assert np.mean([scene.night == seen.night for scene, seen in pairs]) >= LEAST
    assert np.mean([scene.season == seen.season for scene, seen in pairs]) >= LEAST


def test_it_says_where_things_are_and_how_large(held_out, verdicts):
    distances, sizes = [], []
    for case, seen in zip(held_out[0], verdicts, strict=True):
        for thing in case.scene.things:
            near = [f for f in seen.things if f.noun == thing.noun]
            gaps = [np.hypot(f.x - thing.x, f.y - thing.y) for f in near]
            if gaps:
                distances.append(min(gaps))
                sizes.append(abs(near[int(np.argmin(gaps))].size - thing.size))
    assert np.median(distances) < 0.02
    assert np.median(sizes) < 0.03


def test_it_finds_nothing_in_empty_places(judge):
    rng = np.random.default_rng(4711)
    pictures = np.stack([render(sample(rng, "empty"))[0] for _ in range(40)])
    assert Counter(len(seen.present()) for seen in judge.look(pictures))[0] >= 38


def test_it_tells_objects_from_what_lies_behind(held_out, verdicts):
    masks = [coverage(render(case.scene)[1], 128) for case in held_out[0][:60]]
    shares = [mask_iou(v.mask, m) for v, m in zip(verdicts, masks, strict=False)]
    assert np.mean(shares) > 0.85


def test_a_verdict_does_not_depend_on_its_neighbours(judge, held_out, verdicts):
    for index in (0, 40, 197):
        (alone,) = judge.look(held_out[1][index : index + 1])
        assert [t.noun for t in alone.things] == [t.noun for t in verdicts[index].things]
        np.testing.assert_allclose(alone.mask, verdicts[index].mask, atol=1e-4)


def test_pictures_of_any_size_are_looked_at(judge):
    scene = Scene((Thing("cat", "red", 0.5, 0.5, 0.6),), "snow")
    for side in (96, 128, 256):
        (seen,) = judge.look(render(scene, side)[0][None])
        assert shows(seen, "cat", "red") and seen.place == "snow"


def test_soft_pictures_are_still_known(judge):
    import cv2

    cases = skills.cases(seed=4712, count=60)
    soft = [cv2.GaussianBlur(render(case.scene)[0], (0, 0), 1.0) for case in cases]
    assert skills.score(cases, soft, judge).mean >= LEAST - 0.08


def test_what_is_no_batch_of_pictures_is_refused(judge):
    with pytest.raises(ValueError, match="N, H, W, 3"):
        judge.look(np.zeros((128, 128, 3), np.float32))


def test_weights_of_another_vocabulary_are_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors", metadata={"nouns": "cat"})
    with pytest.raises(ValueError, match="other words"):
        Judge.load(weights=tmp_path / "other.safetensors")


def test_the_weights_are_small():
    assert WEIGHTS.stat().st_size < 12e6


def test_features_are_maps_at_four_scales(judge, held_out):
    maps = judge.features(held_out[1][:2])
    assert [m.shape[2] for m in maps] == [64, 32, 16, 8]
    assert all(m.dtype == torch.float32 and m.shape[0] == 2 for m in maps)


def test_the_structure_distance_knows_layout_better_than_colour(judge):
    def drawn(colour, x):
        return render(Scene((Thing("car", colour, x, 0.5, 0.45),), "meadow"))[0][None]

    before = drawn("red", 0.3)
    (recoloured,) = structure(judge, before, drawn("blue", 0.3))
    (moved,) = structure(judge, before, drawn("red", 0.7))
    (seen_recoloured,) = perceptual(judge, before, drawn("blue", 0.3))
    assert recoloured < moved / 3
    assert seen_recoloured > 0


@pytest.mark.parametrize(
    ("relation", "x", "y", "holds"),
    [
        ("left", 0.8, 0.5, True),
        ("left", 0.2, 0.5, False),
        ("right", 0.2, 0.5, True),
        ("above", 0.5, 0.8, True),
        ("below", 0.5, 0.2, True),
        ("left", 0.55, 0.5, False),  # not far enough
        ("left", 0.7, 0.9, False),  # rather above it
        ("and", 0.5, 0.5, True),
    ],
)
def test_relations(relation, x, y, holds):
    assert relation_holds(found(), relation, found("dog", x=x, y=y)) is holds


def test_decisions():
    seen = verdict(found(), found(score=0.1, x=0.2), found("dog", 0.5, "blue", 0.9))
    assert shows(seen, "cat") and shows(seen, "cat", "red") and not shows(seen, "cat", "blue")
    assert count(seen, "cat") == 1 and count(seen, "cow") == 0
    assert related(seen, "cat", "left", "dog") and not related(seen, "dog", "left", "cat")
    assert bound(seen, (("cat", "red"), ("dog", "blue")))
    assert not bound(seen, (("cat", "blue"), ("dog", "red")))
    assert seen.best("dog") is seen.things[1] and seen.best("cow") is None
    assert [position(found(x=x)) for x in (0.3, 0.5, 0.7)] == ["left", "centre", "right"]
