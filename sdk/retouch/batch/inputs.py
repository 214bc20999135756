"""Which pictures a batch has, and where each result goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import has_magic, iglob
from pathlib import Path, PurePosixPath
from typing import Final

from retouch.batch.choices import Choices, filled
from retouch.batch.formats.opening import CONTAINERS, FORMATS, format_of
from retouch.batch.recipe import Recipe
from retouch.errors import InvalidField

_SUFFIXES: Final = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "tiff": ".tif"}


@dataclass(frozen=True)
class Item:
    """One picture of a batch.

    Attributes:
        picture: its path.
        choices: what counts for it.
        format: of the result.
        outputs: the files to write, one a variant.
        key: name of the first of them below the batch's folder: what the manifest calls it.
    """

    picture: Path
    choices: Choices
    format: str
    outputs: tuple[Path, ...]
    key: str

    @property
    def container(self) -> bool:
        """Whether the result goes into a copy of the picture's own file."""
        return self.format in CONTAINERS


def items_of(recipe: Recipe, given: Sequence[Path], out: Path) -> tuple[Item, ...]:
    """Return the pictures of a batch, in the order in which they are named.

    Args:
        recipe: says what counts for each.
        given: files, folders with all pictures in them, patterns.
        out: folder of the results; pictures in it are none of a folder's.

    Raises:
        InvalidField: no such file, another format, two results of one name, a result that would
            replace a picture of the batch.
    """
    found: dict[Path, Item] = {}
    for picture, below in _pictures(given, out):
        if picture.resolve() not in found:
            found[picture.resolve()] = _item(recipe, picture, below, out)
    items = tuple(found.values())
    if not items:
        allowed = f"pictures: {', '.join(FORMATS)}"
        raise InvalidField("INPUTS", [str(each) for each in given], allowed, "name some")
    _refuse_doubles(items, set(found))
    return items


def _pictures(given: Sequence[Path], out: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    """Yield each picture with the folder, below the results', that it goes to."""
    here = PurePosixPath()
    for path in given:
        if path.is_dir():
            for inside in sorted(path.rglob("*")):
                known = inside.suffix.lower() in FORMATS and not inside.name.startswith(".")
                if (
                    known
                    and inside.is_file()
                    and not inside.resolve().is_relative_to(out.resolve())
                ):
                    yield inside, PurePosixPath(inside.parent.relative_to(path).as_posix())
        elif path.is_file():
            yield path, here
        elif has_magic(str(path)):  # of a shell that leaves patterns as they are
            yield from ((Path(name), here) for name in sorted(iglob(str(path), recursive=True)))
        else:
            raise InvalidField("INPUTS", str(path), "files or folders", "check the path")


def _item(recipe: Recipe, picture: Path, below: PurePosixPath, out: Path) -> Item:
    choices, own = recipe.for_picture(picture), format_of(picture)
    chosen = choices.format or own
    if chosen in CONTAINERS and chosen != own:
        allowed = f"png, jpeg, webp, tiff, or unset, for {picture.name}"
        raise InvalidField("format", chosen, allowed, "leave it out")
    suffix = picture.suffix if chosen == own else _SUFFIXES[chosen]
    stem = PurePosixPath(filled(choices.name, picture, "name"))
    if stem.is_absolute() or ".." in stem.parts or not stem.name:
        fix = "begin with {stem}"
        raise InvalidField("name", choices.name, "a name inside the results' folder", fix)
    names = [stem.name]
    if choices.variants > 1:
        names = [f"{stem.name}-{number}" for number in range(1, choices.variants + 1)]
    folder = below / stem.parent
    keys = [(folder / f"{name}{suffix}").as_posix() for name in names]
    return Item(picture, choices, chosen, tuple(out / key for key in keys), keys[0])


def _refuse_doubles(items: Sequence[Item], pictures: set[Path]) -> None:
    taken: dict[Path, Path] = {}
    for item in items:
        for output in item.outputs:
            where = output.resolve()
            if where in pictures:
                fix = "choose another folder with -o, or a `name` in the recipe"
                raise InvalidField("-o", str(output), "not a picture of the batch", fix)
            if where in taken:
                given = f"{output} of {taken[where]} and of {item.picture}"
                fix = "set `name` in the recipe, for example {parent}-{stem}"
                raise InvalidField("name", given, "a file for every picture", fix)
            taken[where] = item.picture
