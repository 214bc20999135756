import cv2
import numpy as np
import pytest


def coloured(height, width, seed=0):
    """Soft coloured noise at several sizes: a photograph's colours, roughly."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 120, np.float32)
    for cells in (3, 9, 40):
        coarse = random.normal(0, 70 / cells**0.4, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    picture += random.normal(0, 1.5, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def line_drawing(side, seed=0):
    """Black curves on white, where the colours have no room to one side."""
    random = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 255, np.uint8)
    for _ in range(20):
        middle, axes = random.integers(0, side, 2), random.integers(9, side // 3, 2)
        turn = int(random.integers(180))
        cv2.ellipse(picture, middle.tolist(), axes.tolist(), turn, 0, 250, (20, 20, 20), 2)
    return picture


@pytest.fixture(scope="session")
def picture():
    """Return a function from height, width and seed to a picture."""
    return coloured


@pytest.fixture(scope="session")
def drawing():
    return line_drawing


@pytest.fixture(scope="session")
def written_by_package():
    """Return a function that marks a picture with the package, as the programs call it."""
    imwatermark = pytest.importorskip("imwatermark")

    def write(rgb, bits, storage):
        encoder = imwatermark.WatermarkEncoder()
        encoder.set_watermark("bits", [int(bit) for bit in bits])
        ordered = rgb if storage.exchanged else rgb[..., ::-1]
        stored = np.ascontiguousarray(ordered, np.float32 if storage.floats else np.uint8)
        marked = np.clip(np.rint(encoder.encode(stored, "dwtDct")), 0, 255).astype(np.uint8)
        return np.ascontiguousarray(marked if storage.exchanged else marked[..., ::-1])

    return write


@pytest.fixture(scope="session")
def read_by_package():
    imwatermark = pytest.importorskip("imwatermark")

    def read(rgb, length):
        decoder = imwatermark.WatermarkDecoder("bits", length)
        return np.asarray(decoder.decode(np.ascontiguousarray(rgb[..., ::-1]), "dwtDct"), bool)

    return read
