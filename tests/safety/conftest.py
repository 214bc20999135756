import os

import numpy as np
import pytest
import skimage
from PIL import Image as Pillow

from retouch_safety import Gate, Job
from retouch_safety.marking import found_in

# Photographs that lie inside the scikit-image wheel; nothing is fetched.
PHOTOGRAPHS = (
    *("astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png"),
    *("coffee.png", "coins.png", "color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg"),
    *("ihc.png", "moon.png", "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg"),
)


def load(name):
    path = os.path.join(os.path.dirname(skimage.__file__), "data", name)
    with Pillow.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


@pytest.fixture(scope="session")
def photograph():
    return load


@pytest.fixture(scope="session")
def astronaut():
    return load("astronaut.png")


@pytest.fixture(scope="session")
def gate():
    return Gate()


@pytest.fixture(scope="session")
def gate_with(gate):
    """Make a gate with further detectors and rules."""

    def make(detectors=(), rules=(), *, installation=None, **given):
        return Gate(detectors, rules, installation=installation or gate.installation, **given)

    return make


@pytest.fixture(scope="session")
def release(gate):
    """Release a picture that nobody asked for in particular."""

    def release(sealed, through=gate, **given):
        return through.release(sealed, through.admit(Job()), **given)

    return release


@pytest.fixture(scope="session")
def records_in(gate):
    """The record ids that this installation reads in pixels."""

    def read(pixels):
        found = found_in("picture", pixels, gate.installation.keys.readers())
        return [mark.record for mark in found if mark.mark == "tilemark"]

    return read


def pytest_generate_tests(metafunc):
    if "photograph_name" in metafunc.fixturenames:
        metafunc.parametrize("photograph_name", PHOTOGRAPHS)
