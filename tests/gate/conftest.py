"""What the tests of the gate share: gates, a detector and a prompt rule whose answers are chosen.

The gates are real ones, with Open-NSFW and the prompt model, over folders of their own. The ways
out are in ``exits``.
"""

import shutil

import numpy as np
import pytest

from retouch_safety import Gate, InputPicture, Installation, Job, OpenNSFW, PromptFields, Sealed
from retouch_safety.input_check import InputCheck

PROMPT = "a cat in the snow"
SMALL, LARGE = 64, 144  # pixels: without and with room for a mark


def drawn(side, phase=0):
    """A picture that is cheap and not flat."""
    y, x = np.mgrid[:side, :side]
    grain = np.random.default_rng(phase).normal(0, 6, (side, side, 3))
    smooth = np.stack([x, y, (x + y) / 2], axis=2) * (160 / side) + 40
    return np.clip(np.rint(smooth + grain), 0, 255).astype(np.uint8)


def job(side):
    return Job(
        texts=PromptFields(prompt=PROMPT),
        pictures={"image": InputPicture(drawn(side))},
        operations=("sdedit",),
    )


@pytest.fixture(scope="session", name="drawn")
def _drawn():
    return drawn


@pytest.fixture(scope="session", name="job")
def _job():
    return job


# --- a detector and a prompt rule whose answers are chosen ---------------------------------------


class Chosen:
    """Stands beside Open-NSFW, and as a prompt rule beside our own; harmless until told."""

    name, category = "chosen", "a test category"

    def __init__(self):
        self.reset()

    def reset(self):
        self.answer, self.objections_found, self.healthy = {"whole": 0.0}, (), True
        self.looked = []

    def score(self, rgb, region):
        self.looked.append((rgb.shape, rgb.dtype.name, rgb.tobytes()))
        return self.answer(rgb) if callable(self.answer) else _raised(self.answer)

    def objections(self, field, text, readings):
        return _raised(self.objections_found)

    def self_test(self):
        if not self.healthy:
            raise RuntimeError("no known answer")


def _raised(answer):
    if isinstance(answer, BaseException):
        raise answer
    return answer


@pytest.fixture(scope="session")
def _chosen():
    return Chosen()


@pytest.fixture
def chosen(_chosen):
    yield _chosen
    _chosen.reset()


@pytest.fixture(scope="session")
def _known_scores():
    return {}


@pytest.fixture(scope="module", autouse=True)
def _remembered(_known_scores):
    """Open-NSFW looks once at each picture, and is tested once: most cases ask the same."""
    real, real_test, tested = OpenNSFW.score, OpenNSFW.self_test, set()

    def score(self, rgb, region):
        seen = (rgb.dtype.str, rgb.shape, rgb.tobytes(), region)
        if seen not in _known_scores:
            _known_scores[seen] = real(self, rgb, region)
        return _known_scores[seen]

    def self_test(self):
        if self not in tested:
            real_test(self)
            tested.add(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OpenNSFW, "score", score)
        patch.setattr(OpenNSFW, "self_test", self_test)
        yield


# --- gates ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _first(_chosen, tmp_path_factory):
    """The gate whose detectors and prompt model, which take seconds to load, all others share."""
    home = tmp_path_factory.mktemp("prepared") / "safety"
    return Gate([_chosen], [_chosen], installation=Installation(home))


@pytest.fixture(scope="session")
def prepared_home(_first):
    """Keys, certificate and a log with a few records: the state of a gate in use."""
    for _ in range(3):
        admission = _first.admit(Job())
        _first.release(Sealed.composite(drawn(16)), admission)
    return _first.installation.folder


@pytest.fixture(scope="session")
def gate_in(_first, _chosen):
    """Make a gate over another folder."""

    def make(folder, **given):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("retouch_safety.gate.PromptFilter", lambda *args: _first._prompts)
            other = Gate([_chosen], [_chosen], installation=Installation(folder, **given))
        other._panel, other._inputs = _first._panel, InputCheck(_first._panel)
        return other

    return make


@pytest.fixture(scope="session")
def gate(gate_in, prepared_home, tmp_path_factory):
    """One gate that has looked at the pictures that edits start from."""
    home = tmp_path_factory.mktemp("shared") / "safety"
    gate = gate_in(shutil.copytree(prepared_home, home))
    for side in (SMALL, LARGE):
        gate.admit(job(side))
    return gate


@pytest.fixture
def home(prepared_home, tmp_path):
    """A gate's folder of this test's own, to be damaged."""
    return shutil.copytree(prepared_home, tmp_path / "safety")


@pytest.fixture
def sealed():
    """A picture too small for a mark."""
    return Sealed.composite(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3))


@pytest.fixture
def admission(gate):
    return gate.admit(Job())


@pytest.fixture
def released(gate, sealed, admission):
    return gate.release(sealed, admission)
