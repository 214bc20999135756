"""The modelled losses against the codecs."""

import cv2
import numpy as np
import pytest

from retouch_safety.tilemark.compression import jpeg_loss, webp_loss


def grain(cell, deviation, side=128):
    """Soft noise on grey, of a grain in pixels and a standard deviation in grey levels."""
    coarse = np.random.default_rng(0).normal(0, 1, (side // cell, side // cell))
    noise = cv2.resize(coarse.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    return np.rint(128 + deviation * noise / noise.std()).astype(np.float32)


def left(lossy, original):
    """Share of the grain that is still there."""
    moved, wanted = lossy - lossy.mean(), original - original.mean()
    return float((moved * wanted).mean() / (wanted * wanted).mean())


def coded(luma, suffix, parameter):
    data = cv2.imencode(suffix, luma.astype(np.uint8), [parameter, 50])[1]
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32)


@pytest.mark.skipif(not cv2.haveImageWriter(".webp"), reason="OpenCV without WebP")
@pytest.mark.parametrize("cell, deviation, stays", [(8, 8, True), (1, 1.5, False), (8, 0.5, False)])
def test_webp_keeps_what_the_codec_keeps(cell, deviation, stays):
    luma = grain(cell, deviation)
    modelled = left(webp_loss(luma), luma)
    real = left(coded(luma, ".webp", cv2.IMWRITE_WEBP_QUALITY), luma)
    assert (modelled > 0.6) is (real > 0.6) is stays
    assert (modelled < 0.2) is (real < 0.2) is not stays


def test_jpeg_is_nearly_the_codec():
    luma = grain(4, 25)
    real = coded(luma, ".jpg", cv2.IMWRITE_JPEG_QUALITY)
    assert np.abs(jpeg_loss(luma, 50) - real).mean() < 1


@pytest.mark.parametrize("shape", [(1, 1), (17, 40), (130, 131)])
def test_any_shape_and_the_whole_range(shape):
    luma = np.random.default_rng(0).choice([0, 255], shape).astype(np.float32)
    for lossy in (webp_loss(luma), jpeg_loss(luma, 10)):
        assert lossy.shape == shape and lossy.dtype == np.float32
        assert lossy.min() >= 0 and lossy.max() <= 255
