"""Open-NSFW: known answers, traps, and that benign pictures pass."""

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch_safety import Box, DetectorFailed, OpenNSFW
from retouch_safety.detector import known_picture, views


@pytest.fixture(scope="module")
def detector():
    return OpenNSFW()


def test_known_answer(detector, astronaut):
    assert detector._session is None  # nothing is loaded before the first picture
    detector.self_test()
    assert abs(detector.score(astronaut, None)["whole"] - 0.032) < 0.005


def test_self_test_notices_swapped_channels(detector, monkeypatch):
    from retouch_safety import detector as module

    swapped = np.ascontiguousarray(known_picture()[..., ::-1])
    monkeypatch.setattr(module, "known_picture", lambda: swapped)
    with pytest.raises(DetectorFailed, match="known picture"):
        detector.self_test()


def test_self_test_notices_a_network_that_answers_nan(monkeypatch):
    broken = OpenNSFW()
    monkeypatch.setattr(broken, "_run", lambda view: float("nan"))
    with pytest.raises(DetectorFailed):
        broken.self_test()


def test_nan_in_either_view_survives(monkeypatch, astronaut):
    for answers in ([float("nan"), 0.1], [0.1, float("nan")]):
        broken, left = OpenNSFW(), list(answers)
        monkeypatch.setattr(broken, "_run", lambda view, left=left: left.pop(0))
        assert np.isnan(broken.score(astronaut, None)["whole"])


def test_altered_weights_are_refused(monkeypatch):
    from retouch_safety import detector as module

    monkeypatch.setattr(module, "_WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(DetectorFailed, match="altered"):
        OpenNSFW().self_test()


def test_benign_photographs_pass(detector, photograph, photograph_name):
    rgb = photograph(photograph_name)
    height, width = rgb.shape[:2]
    scores = detector.score(rgb, Box(width // 3, height // 3, width // 3, height // 3))
    assert set(scores) >= {"whole", "region"}
    assert max(scores.values()) < 0.5


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "retina.jpg"])
@pytest.mark.parametrize("side", [16, 64])
def test_soft_pictures_of_small_models_pass(detector, photograph, name, side):
    soft = Pillow.fromarray(photograph(name)).resize((side, side)).resize((256, 256))
    assert detector.score(np.asarray(soft), None)["whole"] < 0.3


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((64, 64, 3), np.float32),
        np.zeros((64, 64, 3), np.uint16),
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((0, 64, 3), np.uint8),
    ],
)
def test_wrong_depth_never_reads_as_safe(detector, bad):
    with pytest.raises(DetectorFailed, match="uint8"):
        detector.score(bad, None)


def test_tiny_pictures_are_scored(detector):
    scores = detector.score(np.zeros((1, 1, 3), np.uint8), Box(0, 0, 1, 1))
    assert 0 <= scores["whole"] < 0.5


def test_views_cover_the_region():
    canvas = np.zeros((2500, 3000, 3), np.uint8)
    assert [name for name, _ in views(canvas, None)] == ["whole"]
    small = dict(views(canvas, Box(1000, 1000, 200, 100)))
    assert small == {"whole": Box(0, 0, 3000, 2500), "region": Box(950, 975, 300, 150)}
    large = dict(views(canvas, Box(0, 0, 3000, 2500)))
    assert "region" not in large  # it is the whole picture
    seen = np.zeros((2500, 3000), bool)
    for name, box in large.items():
        if name.startswith("tile"):
            assert (box.width, box.height) == (768, 768)
            seen[box.slices] = True
    assert seen.all()
