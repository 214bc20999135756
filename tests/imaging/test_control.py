"""Control pictures: shapes, ranges, and that they see what they should."""

import numpy as np
import pytest

from retouch.errors import InvalidField, InvalidImage
from retouch.imaging.control import KINDS, canny, color, depth, extract, sketch
from retouch.imaging.region import Size


@pytest.fixture
def square():
    picture = np.zeros((96, 128, 3), np.float32)
    picture[30:60, 40:80] = (0.9, 0.5, 0.2)
    return picture


def test_canny_is_binary_and_on_the_edge(square):
    edges = canny(square)
    assert edges.shape == (96, 128) and set(np.unique(edges)) == {0, 1}
    assert edges[28:32, 50:70].any() and not edges[40:50, 50:70].any()


def test_sketch_draws_lines_on_black(square):
    lines = sketch(0.2 + square * 0.5)
    assert lines.shape == (96, 128) and lines.min() == 0 and lines.max() > 0.5
    assert lines[28:33, 50:70].max() > 0.5 and lines[:15].max() < 0.1


def test_sketch_of_nothing_is_black():
    for value in (0.02, 0.5, 1.0):
        assert not sketch(np.full((40, 40, 3), value, np.float32)).any()


def test_color_is_flat_in_cells():
    picture = np.random.default_rng(0).random((128, 192, 3), dtype=np.float32)
    cells = color(picture)
    assert cells.shape == picture.shape
    assert np.ptp(cells[:64, :64], axis=(0, 1)).max() == 0
    assert np.allclose(cells[0, 0], picture[:64, :64].mean(axis=(0, 1)), atol=1e-4)
    assert color(picture[:3, :5]).shape == (3, 5, 3)


def test_depth_is_stretched_and_resized():
    near = depth(np.linspace(5, 9, 20, dtype=np.float32).reshape(4, 5), Size(50, 40))
    assert near.shape == (40, 50) and near.min() == 0 and near.max() == 1
    far = depth(np.array([[0, 10]], np.uint16), Size(2, 1), near_is_bright=False)
    assert far.tolist() == [[1, 0]]
    assert not depth(np.full((3, 3, 3), 7, np.uint8), Size(3, 3)).any()


def test_no_depth_estimator_is_shipped():
    with pytest.raises(InvalidField, match="no depth estimator is shipped"):
        depth(None, Size(8, 8))


@pytest.mark.parametrize("function", [canny, sketch, color])
def test_wrong_shapes(function):
    for bad in (np.zeros((4, 4), np.float32), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.float32)):
        with pytest.raises(InvalidImage):
            function(bad)


def test_wrong_parameters(square):
    bad = [
        lambda: canny(square, low=200, high=100),
        lambda: sketch(square, sigma=0),
        lambda: sketch(square, threshold=float("nan")),
        lambda: color(square, cell=0),
        lambda: depth(np.array([[np.inf]], np.float32), Size(1, 1)),
    ]
    for call in bad:
        with pytest.raises(InvalidField, match=r"allowed: .* Fix: "):
            call()


@pytest.mark.parametrize("kind", KINDS)
def test_extract_is_each_kinds_own_function(square, kind):
    found = extract(kind, square, native_size=128)
    expected = {
        "canny": canny(square),
        "sketch": sketch(square),
        "color": color(square, cell=16),
        "depth": depth(square, Size(128, 96)),
    }[kind]
    assert np.array_equal(found, expected)
    assert found.dtype == np.float32 and found.shape[:2] == (96, 128)


def test_extract_of_another_kind_says_which_there_are(square):
    with pytest.raises(InvalidField, match=r"control\.kind.*canny, sketch, color, depth"):
        extract("pose", square, native_size=512)


def test_a_drawing_gives_its_own_lines():
    """Dark lines on paper, as people draw them, come out as white lines on black."""
    paper = np.full((64, 64, 3), 0.95, np.float32)
    paper[30:33, 8:56] = 0.1
    lines = sketch(paper)
    assert lines[31, 10:54].min() > 0.5 and lines[:24].max() < 0.1 and lines[40:].max() < 0.1


def test_equally_bright_colours_have_an_outline_and_only_one():
    picture = np.full((64, 64, 3), (0.3, 0.6, 0.2), np.float32)
    picture[20:44, 20:44] = (0.9, 0.26, 0.35)
    assert abs(float(picture[0, 0] @ (0.299, 0.587, 0.114)) - 0.474) < 0.01
    assert abs(float(picture[30, 30] @ (0.299, 0.587, 0.114)) - 0.462) < 0.01
    row = sketch(picture)[32] > 0.5
    lines = int((row[1:] & ~row[:-1]).sum())
    assert lines == 2 and not row[28:36].any()
