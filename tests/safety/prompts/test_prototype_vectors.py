"""Stored vectors are those of the model, and none are used that belong to something else."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from retouch_safety.prompts import PromptCheckFailed, prototype_vectors
from retouch_safety.prompts import embedding as embedding_module
from retouch_safety.prompts.margin import Margins, Prototypes, all_prototypes, load_prototypes
from retouch_safety.prompts.policy import load_policy
from retouch_safety.prompts.prototype_vectors import FILE, stored_vectors

RUN = "run python -m training.prompt_prototypes"
read = stored_vectors.__wrapped__


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A copy of the file, to be damaged."""
    arrays = load_file(prototype_vectors.resources.files("retouch_safety.prompts") / "data" / FILE)
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(prototype_vectors.resources, "files", lambda _: tmp_path)
    return arrays, tmp_path / "data" / FILE


def test_every_prototype_of_every_profile_has_its_vector():
    stored = stored_vectors(all_prototypes())
    assert tuple(stored) == all_prototypes(), RUN
    assert set(load_policy("medical-art").accepted) <= set(stored)


def test_they_are_what_the_model_says(encoder):
    sentences = all_prototypes()[::12]
    stored = stored_vectors(all_prototypes())
    found = np.stack([stored[sentence] for sentence in sentences])
    assert np.abs(found - encoder.encode(sentences)).max() < 1e-4, RUN


def test_what_was_measured_with_the_model_is_measured_with_them(encoder, monkeypatch):
    passages = ["a nude woman", "a red house", "a wound in the forest"]
    whole = load_prototypes()
    few = Prototypes({c: lines[:4] for c, lines in whole.named.items()}, whole.harmless[:30])
    assert set(few.harmless) <= set(stored_vectors(all_prototypes()))
    monkeypatch.setattr("retouch_safety.prompts.margin.load_prototypes", lambda: few)
    measured = Margins(encoder, ()).measure(passages)
    monkeypatch.setattr("retouch_safety.prompts.margin.stored_vectors", lambda _: {})
    for one, other in zip(measured, Margins(encoder, ()).measure(passages), strict=True):
        assert one.profile == pytest.approx(other.profile, abs=1e-4)
        assert one.floor == pytest.approx(other.floor, abs=1e-4)


def test_vectors_of_other_sentences_or_weights_are_not_used(monkeypatch):
    assert not read((*all_prototypes()[:-1], "another sentence"))
    monkeypatch.setitem(embedding_module.WEIGHTS, "tokenizer.json", "0" * 64)
    assert not read(all_prototypes())


@pytest.mark.parametrize("damage", ["missing", "cut", "no vectors", "too few", "nan", "not unit"])
def test_a_damaged_file_lets_nothing_pass(place, damage):
    arrays, file = place
    vectors = arrays["vectors"].copy()
    if damage == "no vectors":
        del arrays["vectors"]
    elif damage == "too few":
        arrays["vectors"] = vectors[:-1]
    elif damage in ("nan", "not unit"):
        vectors[3] *= {"nan": np.nan, "not unit": 2.0}[damage]
        arrays["vectors"] = vectors
    if damage != "missing":
        save_file(arrays, file)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(PromptCheckFailed, match="Fix: reinstall Retouch"):
        read(all_prototypes())
