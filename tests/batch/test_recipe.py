"""Recipes: read, checked with file and line, and the same as a message and as a host's JSON."""

import json
from pathlib import Path

import pytest

from retouch.batch.choices import Choices, MaskSource, filled
from retouch.batch.located_yaml import read_yaml
from retouch.batch.recipe import read_recipe, recipe_of
from retouch.batch.recipe_json import edit_request_of, recipe_json
from retouch.errors import InvalidField
from retouch_bridge.plugin_kit.choices import Choices as HostChoices

ALL = """\
recipe: 1
prompt: a red house
negative: blurry
ops:
  - sdedit: {strength: 0.5, repeats: 2}
  - guidance:scale=5
region: [1, 2, 30, 40]
feather: 3
padding: 9
model: retouch-mini
steps: 4
sampler: ddim
seed: 7
variants: 2
exact: true
working-size: 96x64
depth: 16
profile: srgb
"""


def read(text, name="recipe.yaml"):
    return recipe_of(read_yaml(text, name), Path(name))


def test_the_words_of_the_command_and_of_the_request_are_the_same():
    choices = read(ALL).choices
    assert choices.negative_prompt == "blurry" and choices.working_size == (96, 64)
    assert [step.name for step in choices.operations] == ["sdedit", "guidance"]
    assert choices.operations[1].values == {"scale": 5.0} and choices.depth == "uint16"
    again = read(json.dumps(recipe_json(choices)))
    assert again.choices == choices


def test_a_recipe_is_an_edit_request_and_that_is_a_recipe():
    choices = read(ALL.replace("feather: 3\n", "")).choices
    message = edit_request_of(choices, Path(), Path("a.png"))
    assert message["prompt"] == {"text": "a red house", "negative": "blurry"}
    assert message["canvas"]["selection"] == {"x": 1, "y": 2, "width": 30, "height": 40}
    back = read(json.dumps(message)).choices
    assert back.operations[0].values == {"strength": 0.5, "repeats": 2}
    assert edit_request_of(back, Path(), Path("a.png")) == message
    for name in ("prompt", "region", "steps", "seed", "variants", "padding", "depth", "exact"):
        assert getattr(back, name) == getattr(choices, name), name


def test_hosts_take_what_is_printed_for_them():
    host = HostChoices.of_recipe(recipe_json(read(ALL).choices))
    assert (host.prompt, host.negative, host.seed, host.variants) == ("a red house", "blurry", 7, 2)
    assert host.operations[0].parameters == {"strength": 0.5, "repeats": 2}
    assert read(json.dumps(host.to_recipe())).choices.working_size == (96, 64)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("prompt: a\nops:\n  - sdedit:\n      strength: 1.7\n", ":4: ops[0].sdedit.strength", "[0"),
        ("ops:\n  - sdedit: {strenth: 1}\n", ":2: ops[0].sdedit.strenth", "strength, repeats"),
        ("ops: [sdeditt]\n", ":1: ops[0]", "best_of, guidance"),
        ("ops: ['sdedit:strength=x']\n", ":1: ops[0].sdedit.strength", "write a number"),
        ("\n\npromt: a\n", ":3: promt", "prompt, negative_prompt, operations"),
        ("prompt: a\nprompt: b\n", ":2", "every name once"),
        ("prompt: [a\n", ":2", "one YAML document"),
        ("", "", "names and values"),
        ("depth: 12\n", ":1: depth", "8, 16, float"),
        ("seed: -1\n", ":1: seed", "per-file"),
        ("seed: true\n", ":1: seed", "per-file"),
        ("region: 0,0,10\n", ":1: region", "four whole numbers"),
        ("mask: m.png\nregion: [0, 0, 1, 1]\n", ":2: region", "one of them"),
        ("mask: '{stam}.png'\n", ":1: mask", "{stem}"),
        ("mask: {alpha: false}\n", ":1: mask.alpha", "true"),
        ("mask: {file: a.png, layer: b}\n", ":1: mask", "invert"),
        ("inputs:\n  - prompt: a\n", ":2: inputs[0]", "match"),
        ("inputs:\n  - match: '*'\n    variants: 99\n", ":3: inputs[0].variants", "[1, 16]"),
        ("format: gif\n", ":1: format", "png, jpeg"),
        ("recipe: 9\n", ":1: recipe", "newer Retouch"),
        ("exposure: .inf\n", ":1: exposure", "stops"),
        ('{"prompt": {"txt": "a"}}', ":1", "EditRequest"),
        ('{"canvas": {}, "operations": [{"ipAdapter": {"images": [{"sha256": "ab"}]}}]}',
         ":1", "ab.png"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place_and_what_to_do(text, where, words):
    with pytest.raises(InvalidField) as caught:
        read(text)
    said = str(caught.value)
    assert said.startswith(f"recipe.yaml{where}"), said
    assert words in said and "Fix:" in said


def test_billions_of_aliases_end_soon():
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}]" for i in range(1, 30)]
    with pytest.raises(InvalidField, match="aliases"):
        read("\n".join(lines))


def test_later_overrides_count_more_and_a_place_replaces_another():
    recipe = read(
        "prompt: a\nmask: m.png\ninputs:\n"
        "  - {match: 'b*.png', prompt: b, region: '0,0,8,8'}\n"
        "  - {match: 'shots/**', prompt: c}\n"
    )
    assert recipe.for_picture(Path("x.png")).mask == MaskSource("file", "m.png")
    b = recipe.for_picture(Path("b1.png"))
    assert (b.prompt, b.mask, b.region) == ("b", None, (0, 0, 8, 8))
    assert recipe.for_picture(Path("shots/b1.png")).prompt == "c"


def test_a_seed_of_its_own_depends_on_the_name_alone():
    choices = Choices(seed="per-file")
    seeds = [choices.seed_of(Path(name)) for name in ("a/1.png", "b/1.png", "a/2.png")]
    assert seeds[0] == seeds[1] != seeds[2]
    assert Choices(seed=5).seed_of(Path("a.png")) == 5


def test_patterns_have_the_pictures_names():
    picture = Path("/shots/day/one.psd")
    assert filled("{folder}/{stem}.{suffix}|{name}|{parent}", picture, "f") == (
        "/shots/day/one.psd|one.psd|day"
    )


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidField, match=r"absent\.yaml"):
        read_recipe(tmp_path / "absent.yaml")
