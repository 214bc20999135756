"""Which models are installed: one small JSON record each, and the embedded ones; no torch here."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from retouch.errors import InvalidField, ModelInvalid, ModelMissing, RetouchError
from retouch.models.detect import Description, Kind, detect
from retouch.models.weights_file import read_json

#: Environment variable with the only folders that models of users may lie in, as in ``PATH``.
ROOTS_VARIABLE = "RETOUCH_MODEL_ROOTS"
EMBEDDED = Path(__file__).parent / "embedded"
_Stamp: TypeAlias = tuple[tuple[str, int, int], ...]
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@dataclass(frozen=True)
class ModelRecord:
    """One installed model.

    Attributes:
        name: what users call it.
        kind: ``checkpoint``, ``ip_adapter``, ``t2i_adapter``, ``clip`` or ``preview``.
        path: the file or folder, used in place.
        family: ``sd1``, ``sd2``, ``sdxl``; empty where an adapter does not tell.
        in_channels: of a checkpoint's network: 4, 8 or 9; 0 otherwise.
        prediction_type: of a checkpoint, else empty.
        cross_attention_dim: width of the text tokens; 0 where it does not apply.
        sha256: of the weights; empty for embedded models until they are verified.
        bytes: size of the weights on disk.
        modified: when the weights last changed, nanoseconds since 1970; with ``bytes``, tells
            whether ``sha256`` still holds without reading gigabytes.
        config: folder of configurations for a single file of an unusual shape, or empty.
        base: model that lends missing components, or whose latents a preview decoder decodes;
            empty when none is named.
        embedded: whether it ships with Retouch.
    """

    name: str
    kind: Kind
    path: Path
    family: str = ""
    in_channels: int = 0
    prediction_type: str = ""
    cross_attention_dim: int = 0
    sha256: str = ""
    bytes: int = 0
    modified: int = 0
    config: str = ""
    base: str = ""
    embedded: bool = False


def home() -> Path:
    """Return the folder of the user's records: ``$RETOUCH_HOME``, else the platform's own."""
    override = os.environ.get("RETOUCH_HOME")
    if override:
        return Path(override).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("retouch", appauthor=False))


def records_folder() -> Path:
    """Return the folder that holds one JSON record per model that the user added."""
    return home() / "models"


def list_models(kind: Kind | None = None) -> tuple[ModelRecord, ...]:
    """Return the installed models sorted by name, embedded ones included; reads no weights.

    A damaged record or an incomplete embedded model is left out; see `broken_models`.
    """
    return tuple(
        found
        for _, found in _scan()
        if isinstance(found, ModelRecord) and kind in (None, found.kind)
    )


def broken_models() -> tuple[tuple[str, str], ...]:
    """Return name and problem of what `list_models` leaves out."""
    return tuple((name, str(found)) for name, found in _scan() if isinstance(found, RetouchError))


def _scan() -> Iterator[tuple[str, ModelRecord | RetouchError]]:
    for name in _names():
        try:
            yield name, find_model(name)
        except RetouchError as error:
            yield name, error


def find_model(name: str) -> ModelRecord:
    """Return the record of an installed model.

    Raises:
        ModelMissing: nothing of that name is installed.
        ModelInvalid: its record is damaged, or it lies outside of ``$RETOUCH_MODEL_ROOTS``.
    """
    check_name(name, "model", "name an installed model")
    file = records_folder() / f"{name}.json"
    if file.is_file():
        return _allowed(_read(file))
    if (EMBEDDED / name).is_dir():
        return _embedded(EMBEDDED / name)
    installed = ", ".join(_names()) or "none"
    fix = f"run `retouch models add PATH --name {name}`; installed: {installed}"
    raise ModelMissing(name, fix)


def is_installed(name: str) -> bool:
    """Whether a model of this name is installed, its record damaged or not."""
    return name in _names()


def check_name(
    name: str, field: str = "model.name", fix: str = "choose another name with --name"
) -> str:
    """Return ``name`` if it can name a model.

    Args:
        name: what was given.
        field, fix: what an error says of it.

    Raises:
        InvalidField: empty, too long, or with characters that are unsafe in a file name.
    """
    allowed = "1 to 80 letters, digits, '.', '_' or '-', not starting with '.'"
    if not 1 <= len(name) <= 80 or name.startswith(".") or not set(name) <= NAME_CHARACTERS:
        raise InvalidField(field, name, allowed, fix)
    return name


def write_record(record: ModelRecord) -> None:
    """Write a record atomically: readers see the old one or the new one, never half of it."""
    folder = records_folder()
    folder.mkdir(parents=True, exist_ok=True)
    data = asdict(record) | {"path": str(record.path)}
    del data["embedded"]
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / f"{record.name}.json")
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def delete_record(name: str) -> None:
    """Delete the record of a model; its files stay where they are."""
    (records_folder() / f"{check_name(name)}.json").unlink()


def size_on_disk(path: Path) -> int:
    """Return the bytes of a weights file, or of all safetensors files below a folder."""
    return sum(file.stat().st_size for file in _weights(path))


def last_modified(path: Path) -> int:
    """Return when the newest of those files changed, nanoseconds since 1970; 0 without any."""
    return max((file.stat().st_mtime_ns for file in _weights(path)), default=0)


def is_unchanged(record: ModelRecord) -> bool:
    """Whether a model's weights have the size and time of its record, so its hash holds."""
    size, time = size_on_disk(record.path), last_modified(record.path)
    return bool(record.sha256) and (record.bytes, record.modified) == (size, time)


def _weights(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.rglob("*.safetensors"))


def _names() -> tuple[str, ...]:
    own = {file.stem for file in records_folder().glob("*.json")}
    shipped = {folder.name for folder in EMBEDDED.glob("*") if any(folder.glob("*.json"))}
    shipped |= {file.parent.name for file in EMBEDDED.glob("*/*.safetensors")}
    return tuple(sorted(own | shipped))


def _read(file: Path) -> ModelRecord:
    data = read_json(file)
    try:
        data["path"] = Path(data["path"])
        return ModelRecord(**data)
    except (KeyError, TypeError) as error:
        fix = f"delete the file {file} and add the model again"
        raise ModelInvalid(file.stem, "its record is damaged", fix) from error


def _allowed(record: ModelRecord) -> ModelRecord:
    named = os.environ.get(ROOTS_VARIABLE)
    roots = [Path(root).resolve() for root in (named or "").split(os.pathsep) if root]
    for path in (record.path, Path(record.config) if record.config else record.path):
        if named and not any(path.resolve().is_relative_to(root) for root in roots):
            fix = "move it below one of them, or name its folder with `retouch serve --models`"
            raise ModelInvalid(record.name, "it lies outside of the folders for models", fix)
    return record


def _embedded(folder: Path) -> ModelRecord:
    found, size = _described(folder, _stamp(folder))
    family, prediction = found.family, found.prediction_type
    if found.base and found.kind == "checkpoint":
        base = folder.parent / found.base
        lender, _ = _described(base, _stamp(base))
        family, prediction = lender.family, prediction or lender.prediction_type
    return ModelRecord(
        name=folder.name,
        kind=found.kind,
        path=folder,
        family=family,
        in_channels=found.in_channels,
        prediction_type=prediction,
        cross_attention_dim=found.cross_attention_dim,
        base=found.base,
        bytes=size,
        embedded=True,
    )


@lru_cache(maxsize=64)
def _described(folder: Path, stamp: _Stamp) -> tuple[Description, int]:
    """What a folder holds, and its bytes: every plan asks for all models, and they seldom change.

    Args:
        folder: of an embedded model.
        stamp: of its files as they are now.
    """
    return detect(folder), size_on_disk(folder)


def _stamp(folder: Path) -> _Stamp:
    """Name, time and size of every file below a folder: as long as they stay, so does the model."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            file = os.path.join(parent, name)
            about = os.stat(file)
            found.append((file, about.st_mtime_ns, about.st_size))
    return tuple(found)
