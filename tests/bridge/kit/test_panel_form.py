"""Panels are made of the real catalogue; what a person fills in becomes choices."""

import copy

import pytest

from retouch_bridge.plugin_kit.edit_request import Choices, OperationChoice, Picture
from retouch_bridge.plugin_kit.panel_form import (
    choices,
    mode_of,
    modes,
    native_size,
    operation_fields,
    sentence,
    values_of,
)

PICTURE = Picture(bytes(4), 1, 1)
NEW = {
    "name": "acme_tint",
    "summary": "Tint",
    "acceptsWindow": True,
    "parameters": [
        {"name": "amount", "type": "PARAMETER_TYPE_NUMBER", "minimum": 0, "maximum": 2},
        {"name": "colours", "type": "PARAMETER_TYPE_TEXT", "repeated": True},
        {"name": "shape", "type": "PARAMETER_TYPE_MASK"},
        {"name": "count", "type": "PARAMETER_TYPE_INTEGER", "defaultValue": 3.0, "required": True},
    ],
}


@pytest.fixture
def by_name(catalog):
    return {mode.name: mode for mode in modes(catalog)}


def test_every_mode_can_be_used_with_the_embedded_models(by_name):
    assert list(by_name) == [
        *("fill", "expand", "restyle", "instruct", "swap", "reference", "control", "combine")
    ]
    assert {mode.missing for mode in by_name.values()} == {""}


def test_every_field_has_what_a_widget_needs(by_name):
    for mode in by_name.values():
        keys = [field.key for field in mode.fields]
        assert len(keys) == len(set(keys)), mode.name
        assert [f.simple for f in mode.fields] == sorted(f.simple for f in mode.fields)[::-1]
        for field in mode.fields:
            assert field.label
            if field.kind in ("number", "integer") and field.step:
                assert field.low is None or field.high is None or field.low < field.high
            if field.kind == "choice":
                assert field.choices


def test_every_parameter_of_the_catalogue_can_be_chosen(by_name, catalog):
    wanted = {
        f"{operation['name']}.{parameter['name']}"
        for operation in catalog["operations"]
        for parameter in operation["parameters"]
    }
    found = {field.key for field in by_name["combine"].fields}
    assert wanted <= found


def test_an_operation_of_tomorrow_appears_by_itself(catalog):
    newer = copy.deepcopy(catalog)
    newer["operations"].append(NEW)
    fields = {field.name: field for field in operation_fields(newer, "acme_tint")}
    assert [fields[name].kind for name in ("amount", "colours", "shape", "count", "start")] == [
        *("number", "text", "mask", "integer", "number")
    ]
    assert fields["count"].default == 3 and fields["count"].required
    combine = modes(newer)[-1]
    assert "acme_tint" in combine.operations
    made = choices(
        combine,
        {"acme_tint.amount": "1.5", "acme_tint.colours": "red, blue", "acme_tint.count": 2},
    )
    assert made.operations == (
        OperationChoice("acme_tint", {"amount": 1.5, "colours": ["red", "blue"], "count": 2}),
    )


def test_a_mode_whose_adapter_is_not_there_says_so(catalog):
    poorer = copy.deepcopy(catalog)
    poorer["models"] = [m for m in poorer["models"] if m["kind"] == "MODEL_KIND_BASE"][:1]
    poorer["operations"] = [o for o in poorer["operations"] if o["name"] != "sdedit"]
    missing = {mode.name: mode.missing for mode in modes(poorer)}
    assert "IP-Adapter" in missing["reference"] and "T2I-Adapter" in missing["control"]
    assert "sdedit is not installed" in missing["restyle"]
    assert "follows instructions" in missing["instruct"]
    assert missing["fill"] == ""


FILLED = [
    ("fill", {"prompt": " a tree "}, {}, ("soft_mask",)),
    ("restyle", {"sdedit.strength": 0.5}, {"sdedit": {"strength": 0.5}}, ("sdedit",)),
    ("instruct", {"prompt": "make it night"}, {}, ("instruct_pix2pix",)),
    (
        "swap",
        {"prompt_to_prompt.source_prompt": "a cat", "prompt_to_prompt.words": "dog: 1.5"},
        {"prompt_to_prompt": {"source_prompt": "a cat", "words": {"dog": 1.5}}},
        ("prompt_to_prompt",),
    ),
    (
        "reference",
        {"ip_adapter.images": [PICTURE]},
        {"ip_adapter": {"images": [PICTURE]}},
        ("ip_adapter", "sdedit"),
    ),
    (
        "control",
        {"t2i_adapter.kind": "sketch"},
        {"t2i_adapter": {"kind": "sketch"}},
        ("t2i_adapter",),
    ),
]


@pytest.mark.parametrize(("name", "values", "parameters", "operations"), FILLED)
def test_a_filled_form_becomes_choices_and_goes_back(by_name, name, values, parameters, operations):
    made = choices(by_name[name], values)
    assert tuple(each.name for each in made.operations) == operations
    for each in made.operations:
        assert each.parameters == parameters.get(each.name, {})
    assert made.prompt == values.get("prompt", "").strip()
    assert mode_of(made) == name
    assert choices(by_name[name], values_of(made)) == made


def test_guidance_runs_where_it_is_given_and_a_selection_holds_the_rest(by_name):
    made = choices(by_name["restyle"], {"guidance.scale": 3}, selected=True)
    assert [each.name for each in made.operations] == ["sdedit", "soft_mask", "guidance"]
    assert mode_of(made) == "restyle"
    again = choices(by_name["fill"], {"guidance.scale": None}, selected=True)
    assert [each.name for each in again.operations] == ["soft_mask"]


def test_the_overlap_of_an_expansion_is_its_feather(by_name):
    assert choices(by_name["expand"], {"expand.overlap": 24, "expand.left": 9}).feather == 24
    assert choices(by_name["expand"], {"expand.overlap": 24, "feather": 5}).feather == 5


def test_only_chosen_operations_are_combined(by_name):
    values = {"sdedit.strength": 0.5, "ip_adapter.scale": 1}
    assert [o.name for o in choices(by_name["combine"], values, ["sdedit"]).operations] == [
        "sdedit"
    ]
    with pytest.raises(ValueError, match="choose at least one"):
        choices(by_name["combine"], {})


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("swap", {}, "What the picture shows now is empty"),
        ("reference", {}, "Reference pictures is empty. Fix: choose a layer or a file."),
        ("restyle", {"sdedit.strength": 1.5}, "Strength: got 1.5; allowed: 0 to 1"),
        ("restyle", {"sdedit.strength": float("nan")}, "Strength: got nan"),
        ("restyle", {"sdedit.repeats": 1.5}, "a whole number"),
        ("restyle", {"variants": "many"}, "Variants: got 'many'"),
        ("control", {"t2i_adapter.kind": "smell"}, "allowed: canny, sketch"),
        (
            "swap",
            {"prompt_to_prompt.source_prompt": "a cat", "prompt_to_prompt.words": "dog"},
            "word: number",
        ),
    ],
)
def test_what_cannot_be_is_said_with_the_fields_label(by_name, name, values, words):
    with pytest.raises(ValueError, match=words):
        choices(by_name[name], values)


def test_large_seeds_keep_every_digit(by_name):
    assert choices(by_name["restyle"], {"seed": 2**53 - 1}).seed == 2**53 - 1


def test_the_native_size_is_the_models(catalog):
    assert native_size(catalog, "retouch-mini-inpaint") == 128
    assert native_size(catalog) == 128
    assert native_size({}) == 512


def test_what_a_mode_does_not_know_is_a_combination():
    odd = Choices(operations=(OperationChoice("sdedit"), OperationChoice("t2i_adapter")))
    assert mode_of(odd) == "combine" == mode_of(Choices())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("operations[0].custom.parameters.strength: got 2; allowed", "Strength: got 2; allowed"),
        ("operations[1].ip_adapter.images[0]: got", "Images: got"),
        ("prompt.text: got 3000 characters", "Prompt: got 3000 characters"),
        ("canvas.selection: got\n nothing", "Selection: got nothing"),
    ],
)
def test_errors_name_fields_as_the_panel_does(text, words):
    assert sentence(RuntimeError(text)) == words
