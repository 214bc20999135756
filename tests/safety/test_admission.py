"""Admissions: made by a gate, good for that gate, first look once."""

import threading

import numpy as np
import pytest

from retouch_safety import Admission, AlreadyOpened, InputPicture, Job

PIXELS = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)


def test_a_gates_admission_holds_what_was_asked(gate):
    job = Job(operations=("a", "b"))
    admission = gate.admit(job)
    assert admission.gate is gate and admission.job is job and admission.ingredients == ()
    assert repr(admission) == f"<Admission {job.id}>"
    with pytest.raises(AttributeError):
        admission.job = Job()
    with pytest.raises(AttributeError):
        admission.anything = 1


def test_only_the_gate_makes_one(gate):
    for capability in (object(), None, gate):
        with pytest.raises(AlreadyOpened, match="only the gate"):
            Admission(capability, gate, Job(), ())


def test_the_source_is_the_document_and_is_made_once(gate):
    assert gate.admit(Job()).source() is None
    assert gate.admit(Job(pictures={"style": InputPicture(PIXELS)})).source() is None
    admission = gate.admit(Job(pictures={"image": InputPicture(PIXELS)}))
    source = admission.source()
    assert source is admission.source() and source.form == "canonical form"
    layered = gate.admit(Job(pictures={"image": InputPicture(PIXELS, PIXELS[..., 0])}))
    assert layered.source().data != source.data  # its opacity is part of it


def test_the_first_look_is_one_among_many_threads(gate):
    admission, firsts, start = gate.admit(Job()), [], threading.Barrier(8)

    def look():
        start.wait()
        firsts.append(admission.first_look())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(firsts) == [False] * 7 + [True]
    assert not admission.first_look()


def test_it_stays_as_the_gate_made_it(gate):
    admission = gate.admit(Job())
    for name, other in (("gate", None), ("ingredients", ()), ("job", Job())):
        with pytest.raises(AttributeError):
            setattr(admission, name, other)
