import numpy as np
import pytest

from retouch.errors import Blocked, Cancelled, ModelMissing, OperationFailed
from retouch.imaging.image import Image, Mask
from retouch.models.decoder import Decoder
from retouch.models.model import Model
from retouch.request import EditRequest
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit
from retouch_safety.errors import Refused

pytestmark = pytest.mark.usefixtures("same_mark")


def request(**fields):
    values = np.random.default_rng(0).random((64, 64, 3), np.float32)
    settings = {"image": Image(values), "model": "tiny", "steps": 2, "prompt": "a cat"}
    return EditRequest(**settings | {"operations": (Guidance(),)} | fields)


def mixed(exact):
    half = np.zeros((64, 64), np.float32)
    half[:, :32] = 1
    return [
        request(exact=exact),
        request(exact=exact, prompt="a red dog", seed=3, variants=2),
        request(exact=exact, operations=(SDEdit(strength=0.5), Guidance(scale=3.0)), steps=4),
        request(exact=exact, mask=Mask(half)),
        request(exact=exact, operations=(SDEdit(strength=0.0),)),
    ]


@pytest.mark.parametrize("exact", [True, False])
def test_together_gives_what_each_gives_alone(runner, exact, monkeypatch):
    calls, forward = [], Model.forward

    def counting(model, evaluations):
        calls.append(len(evaluations))
        return forward(model, evaluations)

    monkeypatch.setattr(Model, "forward", counting)
    requests = mixed(exact)
    alone = [runner.run(each) for each in requests]
    count_alone = len(calls)
    together = runner.run_all(requests)
    assert [len(found) for found in together] == [1, 2, 1, 1, 1]
    for found, wanted in zip(together, alone, strict=True):
        for a, b in zip(found, wanted, strict=True):
            assert (a.seed, a.settings) == (b.seed, b.settings)
            if exact:
                assert np.array_equal(a.composite.pixels, b.composite.pixels)
            else:
                np.testing.assert_allclose(a.composite.pixels, b.composite.pixels, atol=1e-4)
    if not exact:
        assert len(calls) - count_alone < count_alone


def test_each_that_fails_has_its_error_in_its_place(runner, monkeypatch):
    def breaks(self, edit):
        raise ZeroDivisionError("not prepared")

    monkeypatch.setattr(SDEdit, "prepare", breaks)
    found = runner.run_all(
        [
            request(),
            request(model="nothing"),
            request(operations=(SDEdit(),), variants=2),
            request(steps=1, seed=4),
        ]
    )
    assert [type(each) for each in found] == [tuple, ModelMissing, OperationFailed, tuple]
    (alone,) = runner.run(request(steps=1, seed=4))
    np.testing.assert_allclose(found[3][0].composite.pixels, alone.composite.pixels, atol=1e-4)


def test_what_the_network_or_the_decoder_breaks_on_stays_with_its_request(runner, monkeypatch):
    decode, calls = Decoder.decode, []

    def breaks_once(model, latents, **given):
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError("no room")
        return decode(model, latents, **given)

    monkeypatch.setattr(Decoder, "decode", breaks_once)
    first, second = runner.run_all([request(), request(seed=1)])
    assert "no room" in str(first) and "tiny" in str(first)
    assert len(second) == 1


def test_every_picture_leaves_through_the_gate_and_a_refusal_is_its_own(runner, monkeypatch):
    released, release = [], runner.gate.release

    def second_is_refused(sealed, admission, **given):
        released.append(sealed)
        if len(released) == 2:
            raise Refused("detector", "test", 0.9, 0.5, "none")
        return release(sealed, admission, **given)

    monkeypatch.setattr(runner.gate, "release", second_is_refused)
    found = runner.run_all([request(), request(seed=1), request(seed=2)])
    assert len(released) == 3
    assert [type(each) for each in found] == [tuple, Blocked, tuple]


@pytest.mark.parametrize("after", [0, 2])
def test_cancelling_ends_all_that_has_no_picture(runner, after):
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) > after

    bad = request(model="nothing")
    found = runner.run_all([request(steps=8), bad, request(seed=1, steps=8)], cancelled=cancelled)
    assert [type(each) for each in found] == [Cancelled, ModelMissing, Cancelled]
    assert runner.run(request(steps=1))


def test_nothing_asked_is_nothing_made(runner):
    assert runner.run_all([]) == []
