"""What is found, where, under which geometry, and what may be claimed of it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from retouch_safety.tilemark import Claim, Keys, Payload, ReadingKeys, detect, embed
from retouch_safety.tilemark.compression import jpeg_loss
from retouch_safety.tilemark.embedding import canvas_of
from retouch_safety.tilemark.folding import Window, folder_of
from retouch_safety.tilemark.found import Tally, tail
from retouch_safety.tilemark.pattern import TILE, pattern_of
from retouch_safety.tilemark.placing import likely_trials, other_trials
from retouch_safety.tilemark.reed_solomon import LENGTH
from retouch_safety.tilemark.synchronisation import correlation, sync_spectrum

SIDE = 384


@pytest.fixture(scope="module")
def marked(keys, payload, picture):
    random = np.random.default_rng(5)
    return embed(picture(SIDE), np.ones((SIDE, SIDE)), payload, keys, 1.3, random=random).pixels


def authentic(pixels, keys, **options):
    found = detect(pixels, [keys.reader()], **options)
    return [mark for mark in found if mark.claim is Claim.AUTHENTIC]


@pytest.mark.parametrize(
    "attack",
    [
        lambda rgb: jpeg_loss(rgb[..., 1].astype(np.float32), 60).astype(np.uint8),
        lambda rgb: rgb[37 : 37 + 256, 91 : 91 + 256],
        lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 1),
        lambda rgb: np.clip(rgb * 1.2, 0, 255).astype(np.uint8),
        lambda rgb: np.clip(rgb + np.random.default_rng(0).normal(0, 5, rgb.shape), 0, 255).astype(
            np.uint8
        ),
    ],
    ids=["JPEG", "crop", "blur", "brightness", "noise"],
)
def test_a_mark_survives(marked, keys, payload, attack):
    (mark,) = authentic(np.ascontiguousarray(attack(marked)), keys)
    assert mark.payload == payload
    assert mark.false_accept < 1e-6


def turned(rgb, degrees):
    move = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), degrees, 1)
    return cv2.warpAffine(rgb, move, (SIDE, SIDE), flags=cv2.INTER_LINEAR)


@pytest.mark.parametrize(
    "attack, scale, degrees, mirrored",
    [
        (lambda rgb: np.rot90(rgb, 1), 1, 90, False),
        (lambda rgb: np.rot90(rgb, 2), 1, -180, False),
        (lambda rgb: np.fliplr(rgb), 1, 0, True),
        (lambda rgb: turned(rgb, 3), 1, 3, False),
        (lambda rgb: cv2.resize(rgb, None, fx=0.75, fy=0.75, interpolation=3), 0.75, 0, False),
    ],
    ids=["quarter", "half", "mirror", "3 degrees", "0.75"],
)
def test_placements_are_undone_and_told(marked, keys, payload, attack, scale, degrees, mirrored):
    changed = np.ascontiguousarray(attack(marked))
    assert authentic(changed, keys) == []
    (mark,) = authentic(changed, keys, any_placement=True)
    assert mark.payload == payload
    assert mark.placement.scale == pytest.approx(scale, rel=0.004)
    assert mark.placement.degrees == pytest.approx(degrees, abs=0.2)
    assert mark.placement.mirrored is mirrored


@pytest.mark.parametrize("attack", [lambda a: a, lambda a: np.rot90(a), lambda a: np.fliplr(a)])
def test_the_region_is_where_the_mark_is(keys, payload, picture, attack):
    edited = np.zeros((640, 640), np.float32)
    edited[32:352, 300:620] = 1
    rgb = embed(picture(640), edited, payload, keys, 2).pixels
    (mark,) = authentic(np.ascontiguousarray(attack(rgb)), keys, any_placement=True)
    inside = attack(edited) > 0
    found = np.zeros_like(inside)
    found[mark.region.slices] = True
    assert (inside & found).sum() / (inside | found).sum() > 0.6


def test_two_edits_of_one_document_are_both_found_with_their_regions(keys, picture):
    rgb, first, second = picture(768), np.zeros((768, 768)), np.zeros((768, 768))
    first[:320, :384] = 1
    second[400:, 384:] = 1
    for record, edited in ((1111, first), (2222, second)):
        random = np.random.default_rng(record)
        rgb = embed(rgb, edited, Payload(3, record), keys, 2, random=random).pixels
    found = {mark.payload.record: mark.region for mark in authentic(rgb, keys)}
    assert set(found) == {1111, 2222}
    middle = {
        record: (box.x + box.width / 2, box.y + box.height / 2) for record, box in found.items()
    }
    assert middle[1111] == pytest.approx((192, 160), abs=70)
    assert middle[2222] == pytest.approx((576, 584), abs=70)


def test_the_public_detector_reads_without_the_secret_and_says_so(marked, keys, payload):
    (mark,) = detect(marked, [ReadingKeys(keys.pattern)])
    assert mark.claim is Claim.READ and mark.payload == payload
    assert mark.z >= 8 and mark.false_accept <= 1e-9


def test_a_mark_of_another_installation_is_read_but_not_authentic(marked, keys):
    other = Keys(3, keys.pattern, bytes(32))
    (mark,) = detect(marked, [other.reader()])
    assert mark.claim is Claim.READ


def test_a_mark_whose_message_is_no_code_word_is_present_with_its_id_unread(keys, payload, picture):
    """The sync pattern with 16 symbols that no message has: there is a mark, and no id to claim."""
    for seed in range(3):
        random = np.random.default_rng(seed)
        canvas = canvas_of(picture(384), np.ones((384, 384)), payload, keys, None, random)
        symbols = random.integers(0, 256, LENGTH).astype(np.uint8)
        tile = np.tile(pattern_of(keys.pattern).tile(symbols), (3, 3))
        none = np.zeros_like(canvas.coarse)
        found = detect(replace(canvas, tile=tile, coarse=none).written(1.5), [keys.reader()])
        assert [mark.claim for mark in found] == [Claim.PRESENT]
        assert found[0].payload is None and found[0].z >= 8


def test_clean_tiles_hold_nothing(keys, picture):
    for seed in range(60):
        rgb = picture((128, 192, 256)[seed % 3], 1000 + seed)
        assert detect(rgb, [keys.reader(), ReadingKeys(keys.pattern)]) == []


def test_repetition_alone_is_no_mark(keys):
    """A wallpaper that repeats every 128 pixels looks like a tile to everything but the key."""
    for seed in range(10):
        random = np.random.default_rng(seed)
        cell = random.integers(0, 256, (128, 128, 3), dtype=np.uint8)
        assert detect(np.tile(cell, (3, 3, 1)), [ReadingKeys(keys.pattern)]) == []


def test_blind_search_of_a_clean_picture_ends_with_nothing(keys, picture):
    assert detect(picture(256, 77), [keys.reader()], any_placement=True) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 3), (51, 51), (60, 200)])
def test_any_shape_can_be_looked_at(keys, shape):
    grey = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert detect(grey, [keys.reader()], any_placement=True) == []


def test_empty_cells_among_the_sampled_ones_do_not_blow_anything_up(keys):
    """As the black corners of a turned picture: their noise is none, the others' sum is not."""
    plane = np.zeros((3 * TILE, 3 * TILE), np.float32)
    plane[TILE : 2 * TILE, TILE : 2 * TILE] = np.random.default_rng(0).normal(0, 1, (TILE, TILE))
    folder = folder_of(plane, 4)
    fold = folder.fold(Window(0, 0, 3, 3))
    found = correlation(fold, folder.noise, sync_spectrum(pattern_of(keys.pattern)))
    assert np.isfinite(found).all() and found.std() == pytest.approx(1, rel=0.01)


def test_every_try_of_a_blind_search_counts(marked, keys):
    plain = Tally()
    luma, pattern = marked[..., 1].astype(np.float32), pattern_of(keys.pattern)
    list(likely_trials(luma, pattern, plain))
    assert plain.offsets > 20 * 128 * 128
    list(other_trials(luma, pattern, plain))
    assert plain.offsets > 100 * 128 * 128
    assert plain.of_presence(8) == pytest.approx(plain.offsets * tail(8))
    assert Tally(tags=2**31).of_authenticity() == 0.5
    assert Tally(words=10**9).of_reading(3) == 1


def test_the_tail_is_the_normal_one():
    assert tail(0) == 0.5
    assert tail(6) == pytest.approx(9.866e-10, rel=1e-3)
