"""Recipes and replays: what was chosen once can be chosen again."""

import json

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from retouch.v1 import edit_pb2, image_pb2, operation_pb2, plan_pb2
from retouch_bridge.plugin_kit.choices import Choices, OperationChoice, choices_of

TEXT = st.text(max_size=20)
OPERATIONS = st.builds(
    OperationChoice,
    st.sampled_from(["sdedit", "acme_tint"]),
    st.dictionaries(
        st.sampled_from(["strength", "words", "names"]),
        st.one_of(st.floats(0, 1), TEXT, st.booleans(), st.lists(TEXT, max_size=3)),
    ),
)
CHOICES = st.builds(
    Choices,
    prompt=TEXT,
    negative=TEXT,
    model=TEXT,
    operations=st.lists(OPERATIONS, max_size=3).map(tuple),
    variants=st.integers(1, 16),
    seed=st.none() | st.integers(0, 2**63 - 1),
    steps=st.none() | st.integers(1, 250),
    sampler=TEXT,
    feather=st.integers(0, 4096),
    working_size=st.integers(0, 4096) | st.tuples(st.integers(1, 99), st.integers(1, 99)),
)


@given(CHOICES)
def test_a_recipe_is_plain_json_and_says_all(chosen):
    assert Choices.of_recipe(json.loads(json.dumps(chosen.to_recipe()))) == chosen


def test_a_recipe_is_one_of_retouch_batch(tmp_path):
    recipes = pytest.importorskip("retouch.batch.recipe")
    chosen = Choices(
        prompt="a red house",
        operations=(OperationChoice("sdedit", {"strength": 0.5}),),
        variants=2,
        seed=7,
        steps=9,
        feather=4,
    )
    file = tmp_path / "host.yaml"
    file.write_text(json.dumps(chosen.to_recipe()), "utf-8")
    read = recipes.read_recipe(file).choices
    assert (read.prompt, read.variants, read.seed, read.steps) == ("a red house", 2, 7, 9)
    assert [(step.name, dict(step.values)) for step in read.operations] == [
        ("sdedit", {"strength": 0.5})
    ]


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"recipe": 2}, "newer Retouch"),
        ([], "no recipe"),
        ({"steps": 999}, "steps: got 999; allowed: whole numbers, 1 to 250"),
        ({"steps": True}, "steps: got true"),
        ({"variants": 1.5}, "variants: got 1.5; allowed: whole numbers, 1 to 16"),
        ({"steps": float("nan")}, "steps: got NaN"),
        ({"feather": 1.5}, "feather: got 1.5"),
        ({"seed": 1e17}, "seed: got 1e"),
        ({"working_size": [64, 0.5]}, r"working_size: got \[64,0.5\]"),
        ({"working_size": ["64", 64]}, "working_size: got"),
        ({"prompt": 3}, "prompt: got 3"),
        ({"operations": {}}, "operations is no list"),
        ({"operations": [{"a": 1}]}, "operations: got"),
    ],
)
def test_a_recipe_that_is_none_is_said(recipe, words):
    with pytest.raises(ValueError, match=words):
        Choices.of_recipe(recipe)


def test_whole_numbers_may_be_written_as_the_others():
    chosen = Choices.of_recipe({"steps": 4.0, "variants": 2.0, "working_size": [64.0, 96]})
    assert (chosen.steps, chosen.variants, chosen.working_size) == (4, 2, (64, 96))
    assert all(type(each) is int for each in (chosen.steps, *chosen.working_size))
    assert Choices.of_recipe({"steps": None, "feather": 2.0}) == Choices(feather=2)


def test_a_result_with_messages_of_their_own_is_replayed():
    ref = image_pb2.ImageRef(sha256="0" * 64)
    request = edit_pb2.EditRequest(
        prompt=edit_pb2.Prompt(text="a dog", negative="rain"),
        model="retouch-mini",
        operations=[
            operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.5)),
            operation_pb2.Operation(
                ip_adapter=operation_pb2.IPAdapter(
                    images=[ref], layers=operation_pb2.IP_ADAPTER_LAYERS_STYLE
                ),
                start=0.25,
            ),
            operation_pb2.Operation(
                t2i_adapter=operation_pb2.T2IAdapter(
                    kind=operation_pb2.T2I_ADAPTER_KIND_SKETCH, image=ref
                )
            ),
            operation_pb2.Operation(
                prompt_to_prompt=operation_pb2.PromptToPrompt(
                    source_prompt="a cat",
                    mode=operation_pb2.PROMPT_TO_PROMPT_MODE_REPLACE,
                    words={"dog": 1.5},
                )
            ),
            operation_pb2.Operation(instruct_pix2pix=operation_pb2.InstructPix2Pix(text_scale=3)),
            operation_pb2.Operation(
                soft_mask=operation_pb2.SoftMask(method=operation_pb2.SOFT_MASK_METHOD_BLEND)
            ),
        ],
    )
    request.sampling.steps = 9
    request.sampling.seeds.append(2**60 + 1)
    request.mask.feather_px = 3
    request.output.count = 1
    request.canvas.working_size.size.CopyFrom(image_pb2.Size(width=128, height=96))
    effective = MessageToDict(plan_pb2.EffectiveParameters(request=request))
    chosen = choices_of(effective)
    named = {"sha256": "0" * 64}
    assert [(each.name, each.parameters) for each in chosen.operations] == [
        ("sdedit", {"strength": 0.5}),
        ("ip_adapter", {"start": 0.25, "images": [named], "layers": "style"}),
        ("t2i_adapter", {"kind": "sketch", "image": named}),
        (
            "prompt_to_prompt",
            {"source_prompt": "a cat", "mode": "replace", "words": {"dog": 1.5}},
        ),
        ("instruct_pix2pix", {"text_scale": 3}),
        ("soft_mask", {"method": "blend"}),
    ]
    assert (chosen.prompt, chosen.negative, chosen.seed, chosen.steps) == (
        "a dog",
        "rain",
        2**60 + 1,
        9,
    )
    assert (chosen.working_size, chosen.feather, chosen.variants) == ((128, 96), 3, 1)
