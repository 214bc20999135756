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
    studio.click("#tab-history")
    studio.files(selector=CHOOSE, files=[str(recipe), str(picture)])
    studio.see("#prompt")
    assert studio.value("#prompt") == "a house by the book"
    assert studio.see("[data-operation=t2i_adapter] figure img") is None


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{", "a.json is no JSON"),
        ("a.yaml", "prompt: a house", "A browser reads no YAML"),
        ("a.json", '{"recipe": 9}', "This is no recipe of form 1"),
        ("a.json", '{"operations": [{"tint": {}}]}', "The operation tint is not installed"),
        ("a.json", '{"steps": 900}', "allowed: 1 to 250"),
        (
            "a.json",
            '{"operations": [{"t2i_adapter": {"kind": "canny", "image": "edges.png"}}]}',
            "edges.png was not chosen. Fix: choose the recipe and its pictures together",
        ),
    ],
)
def test_what_cannot_be_taken_is_said_and_changes_nothing(studio, tmp_path, name, text, words):
    studio.prompt("as it was")
    (tmp_path / name).write_text(text)
    studio.click("#tab-history")
    studio.files(selector=CHOOSE, files=[str(tmp_path / name)])
    studio.see(".notice[data-kind=error]")
    assert words in studio.error()
    studio.click("#tab-edit")
    assert studio.value("#prompt") == "as it was"
