"""The coarse tile beside the fine one: where it is written, and that either is enough."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from retouch_safety.content import Box
from retouch_safety.tilemark import Claim, FoundMark, Payload, detect, embed_surviving
from retouch_safety.tilemark.compression import jpeg_loss
from retouch_safety.tilemark.embedding import canvas_of, reads
from retouch_safety.tilemark.layers import coarse_tile, coarse_view, details, together, views
from retouch_safety.tilemark.luma import luma_of
from retouch_safety.tilemark.pattern import pattern_of
from retouch_safety.tilemark.reed_solomon import encode
from retouch_safety.tilemark.visibility import (
    BRIGHT,
    coarse_gain,
    coarse_patches,
    coarse_relief,
    shade,
)

SIDE = 512


def poster(seed=0):
    """Flat shapes in few colours: nothing hides a mark."""
    random = np.random.default_rng(seed)
    rgb = np.full((SIDE, SIDE, 3), 150, np.uint8)
    for _ in range(8):
        x, y, size = (int(side) for side in random.integers(20, SIDE - 120, 3))
        colour = random.integers(40, 210, 3).tolist()
        cv2.rectangle(rgb, (x, y), (x + size // 3, y + 70), colour, -1)
    return rgb


def drawing():
    """Dark curves on white."""
    random = np.random.default_rng(2)
    rgb = np.full((SIDE, SIDE, 3), 255, np.uint8)
    for _ in range(30):
        middle, axes = random.integers(0, SIDE, 2), random.integers(20, 120, 2)
        cv2.ellipse(rgb, middle.tolist(), axes.tolist(), 30, 0, 300, (30, 30, 40), 2, cv2.LINE_AA)
    return rgb


@pytest.fixture(scope="module")
def canvas(keys, payload):
    random = np.random.default_rng(5)
    return canvas_of(poster(), np.ones((SIDE, SIDE)), payload, keys, None, random)


@pytest.fixture(scope="module")
def coarse_alone(canvas):
    return replace(canvas, tile=np.zeros_like(canvas.tile))


@pytest.fixture(scope="module")
def fine_alone(canvas):
    return replace(canvas, coarse=np.zeros_like(canvas.coarse))


def found(pixels, keys, **options):
    return detect(np.ascontiguousarray(pixels), [keys.reader()], **options)


def test_the_coarse_tile_reads_as_the_fine_one_in_the_negative_at_a_quarter(keys, payload):
    pattern, word = pattern_of(keys.pattern), encode(payload.message(keys.auth))
    chips = pattern.chips(word)
    squares = coarse_tile(chips)
    view = coarse_view(128 + 10 * squares)
    assert view.shape == (128, 128)
    assert np.corrcoef(view[::2, ::2].ravel(), chips.ravel())[0, 1] > 0.9
    # whole grey levels, and every block of 8 pixels holds one chip
    assert set(np.unique(squares)) == {-1, 0, 1}
    assert (squares.reshape(64, 8, 64, 8).std(axis=(1, 3)) == 0).all()
    assert 0.5 < np.abs(squares).mean() < 0.75


@pytest.mark.parametrize("shape", [(128, 128), (131, 530), (1, 1), (127, 900)])
def test_views_of_any_shape(shape):
    luma = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    sizes = {view.factor: view.plane.shape for view in views(luma)}
    assert sizes[1] == shape
    expected = tuple(-(-side // 4) for side in shape)
    assert sizes.get(4) == (expected if min(shape) >= 128 else None)


def test_either_layer_is_enough_and_both_are_one_mark(canvas, coarse_alone, fine_alone, keys):
    for written in (canvas, coarse_alone, fine_alone):
        (mark,) = found(written.written(1.0), keys)
        assert mark.claim is Claim.AUTHENTIC and mark.payload == Payload(3, 0xA5C3963C)
        assert mark.region.width * mark.region.height > 0.6 * SIDE * SIDE
        assert mark.region.x + mark.region.width <= SIDE


def test_a_mark_without_a_coarse_tile_as_earlier_versions_wrote_it_is_read(fine_alone, keys):
    (mark,) = found(fine_alone.written(1.0)[30:400, 50:450], keys)
    assert mark.claim is Claim.AUTHENTIC


def test_in_flat_areas_strong_compression_leaves_the_coarse_tile(canvas, fine_alone, keys, payload):
    # one strength, one loss: what is read comes from the coarse tile
    assert reads(jpeg_loss(canvas.marked_luma(1.0), 30), payload, keys)
    assert not reads(jpeg_loss(fine_alone.marked_luma(1.0), 30), payload, keys)


@pytest.mark.skipif(not cv2.haveImageWriter(".webp"), reason="OpenCV without WebP")
@pytest.mark.parametrize("seed", [0, 1])
def test_the_closed_loop_survives_webp_in_flat_pictures(keys, payload, seed):
    random = np.random.default_rng(seed)
    everywhere = np.ones((SIDE, SIDE), bool)
    marked = embed_surviving(poster(seed), everywhere, payload, keys, random=random)
    data = cv2.imencode(".webp", marked.pixels, [cv2.IMWRITE_WEBP_QUALITY, 50])[1]
    (mark,) = found(cv2.imdecode(data, cv2.IMREAD_COLOR), keys)
    assert mark.claim is Claim.AUTHENTIC and mark.payload == payload
    assert cv2.PSNR(poster(seed), marked.pixels) > 44


@pytest.mark.parametrize(
    "attack, scale, degrees, mirrored",
    [
        (lambda rgb: np.rot90(rgb), 1, 90, False),
        (lambda rgb: rgb[:, ::-1], 1, 0, True),
        (lambda rgb: cv2.resize(rgb, None, fx=1.5, fy=1.5), 1.5, 0, False),
    ],
    ids=["quarter", "mirror", "1.5"],
)
def test_the_coarse_tile_tells_the_placement(coarse_alone, keys, attack, scale, degrees, mirrored):
    changed = attack(coarse_alone.written(1.5))
    assert found(changed, keys) == []
    (mark,) = found(changed, keys, any_placement=True)
    assert mark.claim is Claim.AUTHENTIC
    assert mark.placement.scale == pytest.approx(scale, rel=0.01)
    assert mark.placement.degrees == pytest.approx(degrees, abs=0.5)
    assert mark.placement.mirrored is mirrored


def test_where_there_is_detail_there_is_no_coarse_tile():
    random = np.random.default_rng(0)
    noise = random.uniform(60, 190, (SIDE, SIDE)).astype(np.float32)
    assert not coarse_relief(noise).any()
    flat = np.full((SIDE, SIDE), 120, np.float32)
    flat[:, :64], flat[:, -64:] = 2, 254
    assert not coarse_relief(flat[:256, :256]).any()  # too few of its chips
    strong = coarse_relief(flat)
    assert strong[:, 80:-80].min() > 0.5
    assert strong[:, :48].max() == strong[:, -48:].max() == 0


def test_patches_are_few_and_rather_in_flat_areas():
    random = np.random.default_rng(0)
    luma = np.full((SIDE, SIDE), 120, np.float32)
    luma[:, :128] += random.normal(0, 30, (SIDE, 128)).astype(np.float32)
    strength = coarse_patches(luma, random)
    written = strength > strength.max() / 2
    assert 0.2 < written.mean() < 0.45
    assert not written[:, :64].any()


def test_chips_fill_blocks_of_the_picture_wherever_the_edit_begins(keys, payload):
    edited = np.zeros((SIDE, SIDE), bool)
    edited[61:, 43:] = True
    random = np.random.default_rng(1)
    part = canvas_of(np.full((SIDE, SIDE), 128, np.uint8), edited, payload, keys, None, random)
    coarse = np.zeros((SIDE, SIDE), np.float32)
    coarse[part.box.slices] = part.coarse
    blocks = coarse[64:, 48:].reshape(56, 8, 58, 8)
    assert np.abs(coarse).max() == 1 and (blocks.std(axis=(1, 3)) < 1e-6).all()


def test_the_coarse_tile_fades_with_faint_strengths_and_is_steady_at_ordinary_ones():
    assert coarse_gain(0.1) == pytest.approx(0.25)
    assert coarse_gain(0.5) == coarse_gain(1.0) == 1
    assert coarse_gain(2.4) == pytest.approx(2)


def test_large_bright_areas_get_less_of_the_fine_tile():
    luma = np.full((400, 400), 100, np.float32)
    luma[:, 200:] = BRIGHT + 1
    given = shade(luma)
    assert (given[:, :200] == 1).all() and (given[:, 200:] < 1).all()
    assert (shade(luma[:200]) == 1).all()  # a small picture holds too few copies


def test_a_drawing_on_white_is_read_after_brightening(keys, payload):
    everywhere = np.ones((SIDE, SIDE), bool)
    random = np.random.default_rng(1)
    marked = embed_surviving(drawing(), everywhere, payload, keys, random=random).pixels
    brighter = np.clip(np.rint(marked * np.float32(1.2)), 0, 255).astype(np.uint8)
    (mark,) = found(brighter, keys)
    assert mark.claim is Claim.AUTHENTIC and mark.payload == payload
    # the ground holds nothing any more: 0 there, and nowhere else made larger
    first, *_, last = (view.plane for view in details(luma_of(brighter)))
    white = luma_of(brighter) > 254.5
    assert white.mean() > 0.5 and not last[white].any()
    assert (last[~white] == first[~white]).all()


def test_pictures_without_white_are_not_looked_at_twice():
    grey = np.full((256, 256), 120, np.float32)
    assert [view.factor for view in details(grey)] == [1, 4]
    grey[:, :32] = 255
    assert [view.factor for view in details(grey)] == [1, 4, 1]


def test_a_coarse_tile_pasted_into_a_large_picture_is_found_where_it_is(coarse_alone, keys):
    canvas = np.random.default_rng(3).integers(110, 150, (1024, 1024, 3)).astype(np.uint8)
    canvas[300:812, 470:982] = coarse_alone.written(1.0)
    (mark,) = found(canvas, keys)
    assert mark.claim is Claim.AUTHENTIC
    middle = (mark.region.x + mark.region.width / 2, mark.region.y + mark.region.height / 2)
    assert middle == pytest.approx((726, 556), abs=200)


def test_parts_cover_the_coarse_view_and_know_where_they_are():
    luma = np.random.default_rng(0).uniform(0, 200, (700, 1100)).astype(np.float32)
    _, whole, *parts = details(luma)
    covered = np.zeros(whole.plane.shape, bool)
    for part in parts:
        y, x = part.y // 4, part.x // 4
        height, width = part.plane.shape
        assert (whole.plane[y : y + height, x : x + width] == part.plane).all()
        covered[y : y + height, x : x + width] = True
    assert covered.all() and 1 < len(parts) <= 16
    assert parts[-1].placed(Box(0, 0, 128, 128), luma.shape).slices[1].stop == 1100


def mark_at(x, claim=Claim.AUTHENTIC, record=1):
    payload = None if claim is Claim.PRESENT else Payload(3, record)
    return FoundMark(claim, payload, Box(x, 0, 100, 100), 9.0, 5.0, 1e-9)


def test_marks_of_two_layers_become_one_where_they_say_the_same():
    here, there, other = mark_at(0), mark_at(200), mark_at(50, record=2)
    seen = mark_at(40, Claim.PRESENT)
    assert together([here], [mark_at(30)]) == [here]
    assert together([here], [there, other]) == [here, other]
    assert together([seen], [here]) == [here]  # what is read replaces what is only present
    assert together([here], [seen]) == [here]
    assert together([seen, mark_at(45, Claim.PRESENT)], [there])[-1] == there
