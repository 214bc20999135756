"""``retouch recipe``: check a recipe, and print it in the form that hosts take."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--request", is_flag=True, help="Print a retouch.v1.EditRequest instead.")
@click.option(
    "--for",
    "picture",
    type=click.Path(path_type=Path),
    default=Path("picture.png"),
    help="Picture whose name counts for `inputs` and patterns.",
)
def recipe(file: Path, request: bool, picture: Path) -> None:
    """Check the recipe FILE and print it as one line of JSON.

    JSON is YAML, too: what is printed is a recipe again. Hosts replay it on the picture that is
    open. With --request pictures that it names are in the message by their SHA-256.
    """
    from retouch.batch.recipe import read_recipe
    from retouch.batch.recipe_json import edit_request_of, recipe_json

    said = read_recipe(file)
    choices = said.for_picture(picture)
    found = edit_request_of(choices, file.parent, picture) if request else recipe_json(choices)
    click.echo(json.dumps(found, ensure_ascii=False))
