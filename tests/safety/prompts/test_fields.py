"""The request: every text field is checked, bad input is one clear error."""

import math

import pytest

from retouch_safety.prompts import Category, InvalidPrompt, PromptFields, Stage
from retouch_safety.prompts.fields import LONGEST_TEXT, MOST_TEXTS, Role


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"prompt": 3}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": "x" * (LONGEST_TEXT + 1)}, "prompt"),
        ({"region_prompts": "a cat"}, "region_prompts"),
        ({"region_prompts": ("a cat", b"a dog")}, "region_prompts[1]"),
        ({"loras": ("x",) * (MOST_TEXTS + 1)}, "loras"),
        ({"word_weights": [("cat", 1.0)]}, "word_weights"),
        ({"word_weights": {"cat": math.nan}}, "word_weights['cat']"),
        ({"word_weights": {"cat": "2"}}, "word_weights['cat']"),
        ({"word_weights": {3: 2.0}}, "word_weights"),
        ({"guidance_scale": math.inf}, "guidance_scale"),
    ],
)
def test_bad_input_names_field_value_allowed_and_fix(fields, name):
    with pytest.raises(InvalidPrompt, match=r"allowed: .* Fix: ") as caught:
        PromptFields(**fields)
    assert caught.value.field == name
    assert len(str(caught.value)) < 300


def test_changing_the_request_afterwards_changes_nothing():
    weights, regions = {"cat": 1.0}, ["a cat"]
    fields = PromptFields(word_weights=weights, region_prompts=regions)
    weights["nude"], regions[0] = 1.0, "nude"
    assert dict(fields.word_weights) == {"cat": 1.0} and fields.region_prompts == ("a cat",)
    with pytest.raises(TypeError):
        fields.word_weights["nude"] = 1.0


POSITIVE = ("prompt", "source_prompt", "target_prompt", "instruction")
NAMES = ("adapters", "loras", "tokens")


@pytest.mark.parametrize("field", [*POSITIVE, "region_prompts", *NAMES])
def test_every_field_is_checked(prompt_filter, field):
    text = "nude woman" if field not in NAMES else "NudeWoman_v2"
    value = text if field in POSITIVE else ("cat", text)
    found = prompt_filter.check(PromptFields(**{field: value})).blocks
    assert [block.field for block in found] == [field if field in POSITIVE else f"{field}[1]"]
    assert found[0].stage is Stage.RULE and found[0].category is Category.NUDITY


def test_no_field_is_forgotten():
    told = {"guidance_scale", "embeddings"}  # these are no text
    for name in set(PromptFields.__dataclass_fields__) - told:
        mapping = {"word_weights": {"x": 1.0}, "operation_texts": {"style.text": "x"}}
        value = mapping.get(name, "x" if name in POSITIVE else ("x",))
        value = "x" if name == "negative_prompt" else value
        texts = [text for _, text, _ in PromptFields(**{name: value}).texts()]
        assert "x" in texts, name


def test_word_weights_below_zero_negate(prompt_filter):
    def refused(word, weight):
        return not prompt_filter.check(PromptFields(word_weights={word: weight})).allowed

    assert refused("clothes", -1.0) and refused("nude", 1.0)
    assert refused("clothes", 0.0) and refused("nude", 0.0)
    assert not refused("nude", -1.0)
    assert not refused("clothes", 1.5)


def test_raw_embeddings_are_refused(prompt_filter):
    (block,) = prompt_filter.check(PromptFields(prompt="a cat", embeddings=object())).blocks
    assert block.field == "embeddings" and block.stage is Stage.FIELDS
    assert block.category is Category.UNREADABLE and "text" in block.advice


@pytest.mark.parametrize(
    "negative",
    ["clothes", "dressed, covered", "(fully clothed:1.5)", "c.l.o.t.h.e.s", "censored", "衣服",
     "одежда", "blurry, wearing clothes"],
)  # fmt: skip
def test_the_negative_prompt_may_not_uncover(prompt_filter, negative):
    verdict = prompt_filter.check(PromptFields("a woman", negative_prompt=negative))
    (block,) = verdict.blocks
    assert block.field == "negative_prompt" and block.category is Category.UNDRESS


@pytest.mark.parametrize(
    "negative",
    ["nsfw, nude, naked", "torn clothes, ugly dress", "child, gore", "blurry, (nude:1.4)"],
)
def test_the_negative_prompt_may_push_away(prompt_filter, negative):
    assert prompt_filter.check(PromptFields("a woman", negative_prompt=negative)).allowed


def test_a_negative_prompt_that_is_drawn_is_checked(prompt_filter):
    def allowed(scale):
        fields = PromptFields("a woman", negative_prompt="nude", guidance_scale=scale)
        return prompt_filter.check(fields).allowed

    assert allowed(7.5) and allowed(1.0) and allowed(None)
    assert not allowed(0.0) and not allowed(0.99) and not allowed(-2.0)


def test_roles():
    fields = PromptFields(prompt="a", negative_prompt="b", loras=("c",))
    assert {text: role for _, text, role in fields.texts() if text} == {
        "a": Role.POSITIVE,
        "b": Role.NEGATIVE,
        "c": Role.NAME,
    }
