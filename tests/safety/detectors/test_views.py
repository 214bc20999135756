"""Which parts are looked at: everything that is new, and never squeezed out of sight."""

from itertools import pairwise

import numpy as np
import pytest

from retouch_safety import Box, DetectorFailed
from retouch_safety.detectors import views


def canvas(width, height):
    return np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3))  # no memory


def seen(found, width, height, prefix):
    covered = np.zeros((height, width), bool)
    for name, box in found:
        if name.startswith(prefix):
            covered[box.slices] = True
    return covered


def test_small_pictures_and_small_regions():
    assert list(views(canvas(640, 480), None)) == [("whole", Box(0, 0, 640, 480))]
    assert list(views(canvas(1024, 1024), None)) == [("whole", Box(0, 0, 1024, 1024))]
    assert dict(views(canvas(3000, 2500), Box(1000, 1000, 200, 100))) == {
        "whole": Box(0, 0, 3000, 2500),
        "region": Box(950, 975, 300, 150),
    }


def test_a_region_at_the_border_grows_inwards_only():
    found = dict(views(canvas(1000, 800), Box(0, 700, 100, 100)))
    assert found["region"] == Box(0, 675, 125, 125)


@pytest.mark.parametrize("region", [None, Box(0, 0, 3000, 2500)])
def test_all_of_a_large_picture_is_tiled(region):
    """None says that all of the picture is to be looked at, as with an input."""
    found = list(views(canvas(3000, 2500), region))
    assert found[0] == ("whole", Box(0, 0, 3000, 2500)) and len(found) == 1 + 5 * 4
    assert all((b.width, b.height) == (768, 768) for name, b in found if name != "whole")
    assert seen(found, 3000, 2500, "tile").all()


def test_only_the_grown_region_is_tiled():
    found = list(views(canvas(6000, 4000), Box(1000, 1000, 1200, 400)))
    covered = seen(found, 6000, 4000, "tile")
    region = dict(found)["region"]
    assert region == Box(700, 900, 1800, 600)
    assert covered[region.slices].all() and covered.sum() == 1800 * 600


def test_tiles_overlap_by_an_eighth():
    starts = sorted({b.x for name, b in views(canvas(5000, 700), None) if name != "whole"})
    assert all(b - a <= 768 * 7 / 8 for a, b in pairwise(starts))


def test_very_large_pictures_have_larger_tiles_too():
    found = list(views(canvas(16384, 8192), None))
    for side, count in ((768, 25 * 13), (3072, 6 * 3), (12288, 2)):
        boxes = [b for _, b in found[1:] if b.width == side]
        assert len(boxes) == count and all(b.height == min(side, 8192) for b in boxes)
        covered = np.zeros((8192 // 64, 16384 // 64), bool)
        for b in boxes:  # in cells of 64 pixels
            covered[
                -(-b.y // 64) : (b.y + b.height) // 64, -(-b.x // 64) : (b.x + b.width) // 64
            ] = 1
        assert covered.mean() > 0.99
    assert len({name for name, _ in found}) == len(found)


@pytest.mark.parametrize("size", [(16384, 1), (1, 16384), (4000, 40), (40, 4000), (900, 40)])
def test_long_pictures_are_cut_into_short_parts(size):
    found = list(views(canvas(*size), None))
    assert seen(found, *size, "tile").all()
    for _, box in found[1:]:
        assert max(box.width, box.height) <= max(256, 3 * min(box.width, box.height))
    assert len({box for _, box in found}) == len(found) < 90


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (256, 1), (1, 256)])
def test_tiny_pictures_are_one_part(size):
    assert list(views(canvas(*size), None)) == [("whole", Box(0, 0, *size))]


@pytest.mark.parametrize(
    "region",
    [Box(0, 0, 0, 5), Box(5, 5, -1, 3), Box(-1, 0, 5, 5), Box(90, 0, 20, 5), Box(200, 200, 5, 5)],
)
def test_a_region_that_is_not_in_the_picture_is_an_error(region):
    with pytest.raises(DetectorFailed, match=r"region: got .*inside of 100x50"):
        list(views(canvas(100, 50), region))
