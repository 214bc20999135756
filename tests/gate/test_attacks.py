"""A plugin that wants pixels out: what the gate withstands, and what it cannot.

Python is no security boundary. Code in the gate's own process that means harm can win, whatever
is written here: it can replace ``Gate._detect`` or ``marking.mark``, take ``GATE_CAPABILITY`` from
its module and open a picture with it, walk through the closure in ``Sealed`` or through
``gc.get_objects()``, read pixels before they are sealed, or write files with a library of its own.
In the daemon those attacks are out of reach of an operation: there the gate is a process of its
own, which alone encodes files and speaks for pictures (``tests/daemon/test_rogue_engine.py``).

What holds, and is tested: there is no way out by accident or by the ordinary means of the
language (attributes, copies, pickles, conversions, subclasses, constructors), a picture opens
once, nobody keeps a hold on checked pixels, and what a file says about itself cannot be forged: a
receipt that this gate did not sign, or not for these pixels, does not verify. Where tampering
inside the process does win, ``test_forging.py`` says what can still be seen afterwards.
"""

import copy
import gc
import io
import json
import pickle
import threading

import numpy as np
import pytest

from retouch_safety import (
    Admission,
    AlreadyOpened,
    Gate,
    Job,
    Refused,
    Released,
    Sealed,
)
from retouch_safety.receipt import digest_of
from retouch_safety.save import save

PIXELS = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)


# --- by the ordinary means of the language -------------------------------------------------------

TAKING = {
    "asarray": np.asarray,
    "array": np.array,
    "frombuffer": np.frombuffer,
    "bytes": bytes,
    "memoryview": memoryview,
    "list": list,
    "iter": iter,
    "len": len,
    "index": lambda one: one[0],
    "call": lambda one: one(),
    "vars": vars,
    "pixels": lambda one: one.pixels,
    "content": lambda one: one.content,
    "dict": lambda one: one.__dict__,
    "buffer": lambda one: one.__buffer__(0),
    "interface": lambda one: one.__array_interface__,
    "json": json.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {p}": lambda one, p=p: pickle.dumps(one, p) for p in range(6)},
    "unseal with nothing": lambda one: one._unseal(),
    "save": lambda one: save(one, io.BytesIO()),
    "add": lambda one: one + 0,
    "set": lambda one: setattr(one, "pixels", 1),
    "subclass": lambda one: type("Open", (type(one),), {}),
}


@pytest.mark.parametrize("taking", TAKING)
def test_sealed_gives_nothing_away(taking, sealed, gate, admission):
    with pytest.raises((TypeError, AttributeError)):
        TAKING[taking](sealed)
    assert gate.release(sealed, admission).pixels.any()  # and is still whole


@pytest.mark.parametrize("key", [object(), None, True, "GATE_CAPABILITY", object])
def test_sealed_opens_for_the_gate_alone(key, sealed):
    with pytest.raises(AlreadyOpened, match="only the gate"):
        sealed._unseal(key)


def test_what_is_printed_shows_no_pixels(sealed, released, admission):
    assert repr(sealed) == str(sealed) == f"{sealed}" == "<Sealed picture>"
    assert [n for n in dir(sealed) if n[0] != "_"] == ["composite", "patch", "preview"]
    for one in (released, admission):
        assert len(repr(one)) < 80


COPYING = ["copy", "deepcopy", "subclass", "set", *(f"pickle {p}" for p in range(6))]


@pytest.mark.parametrize("taking", COPYING)
def test_released_cannot_be_copied_or_changed(taking, released):
    with pytest.raises((TypeError, AttributeError)):
        TAKING[taking](released)


@pytest.mark.parametrize("taking", ["copy", "deepcopy", "subclass", *COPYING[-6:]])
def test_an_admission_cannot_be_copied(taking, admission):
    with pytest.raises((TypeError, AttributeError)):
        TAKING[taking](admission)


@pytest.mark.parametrize("key", [object(), None, True])
def test_nobody_else_makes_released_or_admissions(key, gate, released):
    with pytest.raises(AlreadyOpened, match="only the gate"):
        Released(key, released._content, released.receipt)
    with pytest.raises(AlreadyOpened, match="only the gate"):
        Admission(key, gate, Job(), ())


def test_an_empty_shell_is_neither_saved_nor_admitted(gate, sealed, tmp_path):
    with pytest.raises(AttributeError):
        save(Released.__new__(Released), tmp_path / "out.png")
    with pytest.raises((AttributeError, TypeError)):
        gate.release(sealed, Admission.__new__(Admission))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["pixels", "alpha"])
def test_released_arrays_cannot_be_written(name, gate, admission):
    sealed = Sealed.composite(PIXELS.copy(), alpha=PIXELS[..., 0].copy())
    array = getattr(gate.release(sealed, admission), name)
    for attempt in (
        lambda: array.__setitem__(0, 1),
        lambda: setattr(array.flags, "writeable", True),
        lambda: array.view().__setitem__(0, 1),
        lambda: np.asarray(array).fill(0),
    ):
        with pytest.raises(ValueError):
            attempt()


@pytest.mark.parametrize(
    "other",
    [PIXELS, b"pixels", None, object(), "Sealed", [], Sealed],
    ids=lambda o: type(o).__name__,
)
def test_only_sealed_enters(other, gate, admission):
    with pytest.raises(TypeError, match="Sealed"):
        gate.release(other, admission)


def test_only_an_admission_of_this_gate_lets_in(gate, gate_in, home, sealed):
    for other in (None, True, Job(), gate_in(home).admit(Job())):
        with pytest.raises(TypeError, match="admission of this gate"):
            gate.release(sealed, other)
    assert gate.release(sealed, gate.admit(Job()))  # a caller's mistake uses nothing up


def test_a_gate_cannot_be_subclassed():
    with pytest.raises(TypeError, match="subclassed"):
        type("Open", (Gate,), {"_detect": lambda self, content: ()})


# --- holding on to pixels ------------------------------------------------------------------------


class Holding(np.ndarray):
    """An array that gives itself away as its own copy."""

    def copy(self, order="C"):
        return self


def test_an_array_that_does_not_copy_itself_is_copied(gate, admission, chosen):
    held = PIXELS.copy().view(Holding)

    def change(rgb):
        held.fill(255)  # after Open-NSFW has looked, before the mark
        return {"whole": 0.0}

    chosen.answer = change
    released = gate.release(Sealed.composite(held), admission)
    assert type(released.pixels) is np.ndarray
    assert (released.pixels == PIXELS).all()


def test_a_masked_array_hides_no_nan(gate, admission):
    pixels = np.ma.MaskedArray(np.zeros((8, 8, 3), np.float32), mask=False)
    pixels.data[2, 2] = np.nan
    pixels.mask[2, 2] = True
    with pytest.raises(Refused, match="not finite"):
        gate.release(Sealed.composite(pixels), admission)


def test_the_caller_keeps_no_hold(gate, admission):
    pixels, edited = PIXELS.copy(), np.ones((16, 16), np.float32)
    alpha = PIXELS[..., 0].copy()
    released = gate.release(Sealed.composite(pixels, edited, alpha=alpha), admission)
    before = released.pixels.tobytes(), released.alpha.tobytes()
    for array in (pixels, edited, alpha):
        array.fill(7)
    assert (released.pixels.tobytes(), released.alpha.tobytes()) == before
    assert digest_of(released.pixels, released.alpha) == released.receipt.digest


def test_a_job_cannot_be_changed_after_the_check(gate, sealed):
    pictures = {}
    job = Job(pictures=pictures, operations=["edit"])
    admission = gate.admit(job)
    pictures["image"] = PIXELS
    with pytest.raises((TypeError, AttributeError)):
        admission.job.pictures["image"] = PIXELS
    with pytest.raises(AttributeError):
        admission.job.operations = ()
    assert not admission.job.pictures and gate.release(sealed, admission)


# --- racing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", range(5))
@pytest.mark.parametrize("verdict", ["passes", "refused"])
def test_threads_that_race_for_one_sealed(attempt, verdict, gate, admission, chosen):
    chosen.answer = {"whole": 0.0 if verdict == "passes" else 0.9}
    sealed, start, outcomes = Sealed.composite(PIXELS.copy()), threading.Barrier(6), []

    def race():
        start.wait()
        try:
            outcomes.append(type(gate.release(sealed, admission)))
        except (Refused, AlreadyOpened) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = Released if verdict == "passes" else Refused
    assert sorted(outcomes, key=str) == sorted([won] + [AlreadyOpened] * 5, key=str)


def test_after_release_nothing_holds_the_raw_pixels(gate, admission):
    raw = np.full((16, 16, 3), 77, np.uint8)
    sealed = Sealed.composite(raw)
    gate.release(sealed, admission)
    gc.collect()
    holders = [one for one in gc.get_referrers(raw) if type(one).__name__ == "Content"]
    assert holders == []
