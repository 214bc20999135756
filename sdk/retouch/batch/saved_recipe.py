"""The options of ``retouch edit`` as a recipe, for ``retouch batch`` and for hosts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from retouch.errors import InvalidField
from retouch.imaging.convert import SRGB

#: Options with the same name and meaning in a recipe, and with another name.
_SAME: Final = ("prompt", "feather", "model", "steps", "sampler", "seed", "variants", "depth")
_OTHER: Final = {"negative": "negative_prompt", "working_size": "working_size"}


def save_recipe(file: Path, ops: Sequence[str], options: Mapping[str, Any]) -> None:
    """Write a recipe that does what a command did; the picture itself is not in it.

    Args:
        file: to write; a recipe names masks and references from its own folder.
        ops: texts of ``--op``.
        options: of the command, checked.

    Raises:
        InvalidField: it cannot be written.
    """
    import yaml

    from retouch.batch.located_yaml import Located
    from retouch.batch.recipe_operations import read_operations, with_files

    folder = file.resolve().parent

    def moved(name: str) -> str:
        return Path(os.path.relpath(name, folder)).as_posix()

    steps = read_operations(Located("--op", None), "--op", list(ops))
    operations = [{step.name: with_files(step, moved)} for step in steps]
    said: dict[str, Any] = {name: options[name] for name in _SAME}
    said |= {known: options[name] for name, known in _OTHER.items()}
    said |= {"operations": operations, "exact": options["exact"]}
    mask, region, profile = options["mask"], options["region"], options["profile"]
    said["mask"] = None if mask is None else moved(str(mask))
    said["region"] = None if region is None else [int(part) for part in region.split(",")]
    said["profile"] = profile if profile in (None, SRGB) else moved(profile)
    said["output"] = "patch" if options["patch"] else None
    kept = {name: value for name, value in said.items() if value not in (None, "", [], False)}
    text = yaml.safe_dump({"recipe": 1} | kept, sort_keys=False, allow_unicode=True)
    try:
        file.write_text(text, "utf-8")
    except OSError as problem:
        fix = f"choose another place ({problem.strerror})"
        raise InvalidField("--save-recipe", str(file), "a writable file", fix) from problem
