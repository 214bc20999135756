import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from retouch.evaluation.judge.judge import Judge
from retouch.evaluation.judge.network import JudgeNetwork
from retouch.evaluation.measures import distances


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    a = rng.random((40, 48, 3), np.float32)
    return a, np.clip(a + rng.normal(0, 0.1, a.shape), 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def judge():
    torch.manual_seed(0)
    return Judge(JudgeNetwork())


def test_psnr_is_skimages(pair):
    a, b = pair
    assert distances.psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=1.0))
    assert distances.psnr(a, a) == distances.MOST_PSNR


def test_ssim_is_skimages(pair):
    a, b = pair
    wanted = structural_similarity(
        *(a, b), data_range=1.0, channel_axis=2, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    assert distances.ssim(a, b) == pytest.approx(wanted, abs=1e-5)
    assert distances.ssim(a, a) == pytest.approx(1)


def test_only_pixels_under_the_mask_count(pair):
    a, _ = pair
    mask = np.zeros(a.shape[:2], np.float32)
    mask[:, :20] = 1
    b = a.copy()
    b[:, 30:] = 0
    assert distances.psnr(a, b, mask) == distances.MOST_PSNR
    assert distances.ssim(a, b, mask) == pytest.approx(1)
    assert distances.psnr(a, b, distances.outside(mask)) < 20
    assert distances.mse(a, b) > 0 == distances.mse(a, b, mask)


def test_outside_keeps_a_margin():
    mask = np.zeros((9, 9), np.float32)
    mask[4, 4] = 1
    assert distances.outside(mask).sum() == 80
    assert distances.outside(mask, margin=1).sum() == 76


@pytest.mark.parametrize("distance", [distances.psnr, distances.ssim, distances.mse])
def test_what_cannot_be_compared_is_refused(distance, pair):
    a, b = pair
    with pytest.raises(ValueError, match="must both be"):
        distance(a, b[:-1])
    with pytest.raises(ValueError, match="no pixel"):
        distance(a, b, np.zeros(a.shape[:2], np.float32))
    with pytest.raises(ValueError, match="the mask must be"):
        distance(a, b, np.ones((3, 3), np.float32))


def test_mask_iou():
    a, b = np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32)
    assert distances.mask_iou(a, b) == 1
    a[:2], b[1:3] = 1, 1
    assert distances.mask_iou(a, b) == pytest.approx(1 / 3)


def test_edges_may_lie_a_pixel_beside():
    a, b = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    a[3], b[4] = True, True
    assert distances.edge_iou(a, b, tolerance=0) == 0
    assert distances.edge_iou(a, b) == 1
    assert distances.edge_iou(a, np.roll(b, 2, axis=0)) == 0
    assert distances.edge_iou(a, np.zeros_like(a)) == 0


def test_edge_iou_without_tolerance_is_plain_iou():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 30, 30)) > 0.7
    assert distances.edge_iou(a, b, tolerance=0) == pytest.approx(
        distances.mask_iou(a * 1.0, b * 1.0)
    )


def test_edges_are_where_the_picture_changes():
    picture = np.zeros((32, 32, 3), np.float32)
    picture[:, 16:] = 1
    found = distances.edges(picture)
    assert found.any() and not found[:, :14].any() and not found[:, 18:].any()


def test_feature_distances_are_zero_for_equals_and_grow(judge):
    rng = np.random.default_rng(0)
    a = rng.random((2, 64, 64, 3), np.float32)
    near, far = 0.95 * a + 0.02, rng.random((2, 64, 64, 3), np.float32)
    for distance in (distances.perceptual, distances.structure):
        assert distance(judge, a, a) == pytest.approx([0, 0], abs=1e-9)
        close, wide = distance(judge, a, near), distance(judge, a, far)
        assert all(0 < c < w for c, w in zip(close, wide, strict=True))
        with pytest.raises(ValueError, match="differ in shape"):
            distance(judge, a, a[:1])


def test_perceptual_distance_looks_under_the_mask(judge):
    a = np.full((1, 128, 128, 3), 0.5, np.float32)
    b = a.copy()
    b[:, 96:, 96:] = (1, 0, 0)
    mask = np.zeros((1, 128, 128), np.float32)
    mask[:, :16, :16] = 1
    (there,) = distances.perceptual(judge, a, b, 1 - mask)
    (away,) = distances.perceptual(judge, a, b, mask)
    assert away < there / 20
    with pytest.raises(ValueError, match="no pixel"):
        distances.perceptual(judge, a, b, np.zeros_like(mask))
