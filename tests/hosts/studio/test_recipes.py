"""Recipes of ``retouch batch`` out of the history, and into the panel."""

import json

import pytest

from retouch.cli.main import run

pytestmark = [pytest.mark.host, pytest.mark.window]

CHOOSE = "input[aria-label='Open a recipe and its pictures']"


def test_an_edit_becomes_a_recipe_that_the_panel_and_batch_take(studio, house, tmp_path, capsys):
    studio.mode("control")
    field = "[data-operation=t2i_adapter] input[type=file]"
    studio.files(selector=field, files=[str(house)])
    studio.see("[data-operation=t2i_adapter] figure img")
    studio.prompt("a house by the book")
    studio.settings(count=2, seed=7)
    assert studio.generate() == ""
    studio.click("#tab-history")
    saved = studio.downloads(".history-entry:first-child >> text=Save recipe", 2, tmp_path)
    picture, recipe = sorted(saved, key=lambda path: path.suffix == ".json")
    assert picture.read_bytes() == house.read_bytes()
    found = json.loads(recipe.read_text())
    assert (found["prompt"], found["seed"], found["variants"]) == ("a house by the book", 7, 2)
    assert picture.name in json.dumps(found["operations"])
    assert "working_size" not in found, "it was this picture's"
    assert run(["recipe", str(recipe)]) == 0, capsys.readouterr()

    studio.reload()
    studio.see(".studio")
    opened(studio, recipe, picture)
    studio.see("[data-operation=t2i_adapter] figure img")
    assert studio.value("#prompt") == "a house by the book"
    kind = "() => document.querySelector('[data-operation=t2i_adapter] select').value"
    assert studio.js(kind) == "canny"
    assert (studio.number("Variants"), studio.number("Seed")) == ("2", "7")


def test_a_mask_stays_with_its_picture_and_that_is_said(studio, tmp_path):
    studio.mode("fill")
    studio.rectangle(20, 20, 60, 60)
    studio.prompt("a tree")
    studio.settings()
    assert studio.generate() == ""
    studio.click("#tab-history")
    (recipe,) = studio.downloads(".history-entry:first-child >> text=Save recipe", 1, tmp_path)
    assert "mask" not in json.loads(recipe.read_text())
    assert "The recipe has no mask" in studio.text(".notice p")


def test_what_the_studio_has_no_place_for_is_said_and_every_digit_kept(studio, tmp_path):
    recipe = tmp_path / "long.json"
    recipe.write_text('{"negative": "blurry", "seed": 9223372036854775807, "depth": 16}')
    opened(studio, recipe)
    studio.see(".notice[data-kind=information]")
    assert studio.text(".notice p").endswith("has no such field: depth.")
    assert studio.number("Seed") == "9223372036854775807"


def opened(studio, *files):
    studio.click("#tab-history")
    studio.files(selector=CHOOSE, files=[str(file) for file in files])
    studio.see("#prompt")


def seen(studio):
    """All that a recipe fills in."""
    script = """() => [...document.querySelectorAll(".panel input, .panel textarea, .panel select")]
        .map((each) => each.value).concat([...document.querySelectorAll("[role=switch]")]
        .map((each) => each.ariaChecked))"""
    return studio.js(script)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{", "a.json is no JSON"),
        ("a.yaml", "prompt: a house", "A browser reads no YAML"),
        ("a.json", '{"recipe": 9}', "This is no recipe of form 1"),
        ("a.json", '{"operations": [{"tint": {}}]}', "The operation tint is not installed"),
        ("a.json", '{"steps": 900}', "allowed: whole numbers, 1 to 250"),
        ("a.json", "[]", "a.json is no recipe"),
        ("a.json", '{"promt": "a"}', "a.json has a field promt; allowed: recipe, prompt"),
        ("a.json", '{"operations": [{"sdedit": {"strenght": 1}}]}', "Restyle has no strenght"),
        ("a.json", '{"operations": ["sdedit", "sdedit"]}', "sdedit is there twice"),
        (
            "a.json",
            '{"operations": [{"t2i_adapter": {"kind": "canny", "image": "edges.png"}}]}',
            "edges.png was not chosen. Fix: choose the recipe and its pictures together",
        ),
    ],
)
def test_what_cannot_be_taken_is_said_and_changes_nothing(studio, tmp_path, name, text, words):
    studio.mode("restyle")
    studio.prompt("as it was")
    before = seen(studio)
    (tmp_path / name).write_text(text)
    studio.click("#tab-history")
    studio.files(selector=CHOOSE, files=[str(tmp_path / name)])
    studio.see(".notice[data-kind=error]")
    assert words in studio.error() and studio.error().count("Fix:") == 1
    studio.click("#tab-edit")
    assert seen(studio) == before
