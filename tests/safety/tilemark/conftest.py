import cv2
import numpy as np
import pytest

from retouch_safety.tilemark import Keys, Payload


@pytest.fixture(scope="session")
def keys():
    return Keys(3, bytes(range(32)), bytes(range(32, 64)))


@pytest.fixture(scope="session")
def payload():
    return Payload(3, 0xA5C3963C)


def textured(side, seed=0):
    """Soft coloured noise at several sizes: a photograph's spectrum, roughly."""
    random = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 120, np.float32)
    for cells in (4, 16, 64):
        coarse = random.normal(0, 90 / cells**0.5, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    picture += random.normal(0, 2, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def picture():
    """Return a function from side and seed to a picture."""
    return textured
