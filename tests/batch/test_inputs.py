"""Which pictures a batch has, and where their results go."""

from dataclasses import replace
from pathlib import Path

import pytest

from retouch.batch.choices import Choices
from retouch.batch.inputs import items_of
from retouch.batch.recipe import Recipe
from retouch.errors import InvalidField


def keys(given, out, **choices):
    recipe = Recipe(Path("r.yaml"), replace(Choices(), **choices))
    return [item.key for item in items_of(recipe, given, out)]


@pytest.fixture
def shots(tmp_path):
    for name in ("a.png", "b.JPG", "c.psd", "day/a.png", "notes.txt", ".hidden.png", "out/z.png"):
        file = tmp_path / "shots" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return tmp_path / "shots"


def test_folders_patterns_and_files(shots):
    out = shots / "out"
    assert keys([shots], out) == ["a.png", "b.JPG", "c.psd", "day/a.png"]
    assert keys([shots / "*.png"], out) == ["a.png"]
    assert keys([shots / "b.JPG", shots / "a.png", shots / "b.JPG"], out) == ["b.JPG", "a.png"]


def test_formats_names_and_variants(shots):
    out, picture = shots / "out", shots / "a.png"
    assert keys([picture], out, format="tiff") == ["a.tif"]
    assert keys([shots / "b.JPG"], out, format="jpeg") == ["b.JPG"]
    assert keys([picture], out, name="{parent}/{stem}-edited") == ["shots/a-edited.png"]
    recipe = Recipe(Path("r.yaml"), Choices(variants=2))
    (item,) = items_of(recipe, [picture], out)
    assert [path.name for path in item.outputs] == ["a-1.png", "a-2.png"]


@pytest.mark.parametrize(
    ("given", "out", "choices", "words"),
    [
        (["absent.png"], "out", {}, "files or folders"),
        (["notes.txt"], "out", {}, ".png"),
        (["*.xyz"], "out", {}, "name some"),
        (["a.png"], ".", {}, "not a picture of the batch"),
        (["a.png", "day/a.png"], "out", {}, "a file for every picture"),
        (["a.png"], "out", {"format": "psd"}, "leave it out"),
        (["a.png"], "out", {"name": "../{stem}"}, "inside"),
        (["a.png"], "out", {"name": "/{stem}"}, "inside"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(shots, given, out, choices, words):
    with pytest.raises(InvalidField, match=words.replace(".", r"\.")):
        keys([shots / name for name in given], shots / out, **choices)
