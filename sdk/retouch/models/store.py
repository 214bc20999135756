"""Installed models: added in place, recorded, listed, verified, removed.

A record is written only after the model was really loaded, so what is listed can be used. Only
adding and verifying need torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from retouch.errors import InvalidField, ModelInvalid
from retouch.models.detect import Description, config_beside, detect
from retouch.models.records import (
    ModelRecord,
    check_name,
    delete_record,
    find_model,
    is_installed,
    last_modified,
    list_models,
    size_on_disk,
    write_record,
)
from retouch.models.weights_file import component_files, sha256_of

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Verified:
    """The result of verifying one installed model.

    Attributes:
        record: of the model; with its hash, also when it is embedded.
        problem: what is wrong, in one line; empty when the model is fine.
    """

    record: ModelRecord
    problem: str = ""


def add(
    path: str | Path,
    name: str | None = None,
    *,
    config: Path | None = None,
    prediction_type: str | None = None,
    progress: Progress | None = None,
) -> ModelRecord:
    """Verify a model by loading it, and record it where it lies; nothing is copied.

    Args:
        path: a folder or ``.safetensors`` file: checkpoint, IP-Adapter, T2I-Adapter, CLIP or a
            preview decoder.
        name: what to call it; by default the stem of the file or the folder's name.
        config: configurations for a single file of an unusual shape; see
            `retouch.models.loading.load_checkpoint`.
        prediction_type: ``epsilon`` or ``v_prediction``, where the file does not say.
        progress: told what is being done, in words.

    Raises:
        ModelMissing, ModelInvalid: it cannot be loaded; nothing is recorded.
        InvalidField: the name is taken, cannot be a name, or the path is installed already.
    """
    path = Path(path).expanduser().resolve()
    found = detect(path)
    name = check_name(name or _default_name(path))
    _refuse_duplicates(name, path)
    if config is None and found.kind == "checkpoint" and path.is_file():
        config = config_beside(path)
    _say(progress, f"loading {path}")
    loaded = load_any(path, found, config=config, prediction_type=prediction_type)
    _say(progress, f"recording {name}")
    record = ModelRecord(
        name=name,
        kind=found.kind,
        path=path,
        family=getattr(loaded, "family", found.family),
        in_channels=int(getattr(loaded, "in_channels", 0)),
        prediction_type=getattr(loaded, "prediction_type", ""),
        cross_attention_dim=int(getattr(loaded, "cross_attention_dim", 0)),
        sha256=loaded.sha256,
        bytes=size_on_disk(path),
        modified=last_modified(path),
        config=str(config.resolve()) if config else "",
        base=found.base,
    )
    write_record(record)
    return record


def remove(name: str) -> ModelRecord | None:
    """Forget a model that was added; its files stay. Returns its record, None if unreadable.

    Raises:
        ModelMissing: nothing of that name is installed.
        InvalidField: the model ships with Retouch.
    """
    try:
        record = find_model(name)
    except ModelInvalid:
        record = None
    if record is not None and record.embedded:
        allowed = "models that were added"
        raise InvalidField("model.name", name, allowed, "keep it: it ships with Retouch")
    delete_record(name)
    return record


def verify(name: str, progress: Progress | None = None) -> Verified:
    """Hash and load an installed model again and compare it with its record.

    Raises:
        ModelMissing: nothing of that name is installed.
    """
    record = find_model(name)
    try:
        found = detect(record.path)
        _say(progress, f"hashing {name}")
        digest = hash_of(record.path, found)
        if record.sha256 and digest != record.sha256:
            problem = f"changed on disk: sha256 {digest[:12]}..., recorded {record.sha256[:12]}..."
            fix = f"restore the file, or run `retouch models remove {name}` and add it again"
            raise ModelInvalid(name, problem, fix)
        _say(progress, f"loading {name}")
        config = Path(record.config) if record.config else None
        prediction = record.prediction_type or None
        load_any(record.path, found, config=config, prediction_type=prediction)
    except Exception as error:  # every failure of one model is its own line of the report
        return Verified(record, str(error))
    return Verified(replace(record, sha256=digest))


def load_any(
    path: Path,
    found: Description,
    *,
    config: Path | None = None,
    prediction_type: str | None = None,
) -> Any:
    """Load whatever `detect` found at ``path``, on the CPU in float32.

    Raises:
        ModelMissing, ModelInvalid: it cannot be loaded.
    """
    if found.kind == "checkpoint":
        from retouch.models.loading import load_checkpoint

        return load_checkpoint(path, config=config, prediction_type=prediction_type)
    from retouch.models.adapters import load_clip, load_ip_adapter, load_t2i_adapter
    from retouch.models.preview import load_preview

    if found.kind == "t2i_adapter":
        return load_t2i_adapter(path)
    if found.kind == "preview":
        return load_preview(path)
    return load_clip(path) if found.kind == "clip" else load_ip_adapter(path)


def hash_of(path: Path, found: Description) -> str:
    """Return the sha256 that loading the model at ``path`` would record, without torch.

    Raises:
        ModelMissing, ModelInvalid: weights are absent.
    """
    if found.kind == "checkpoint" and path.is_dir():
        from retouch.models.diffusers_folder import checkpoint_files

        return sha256_of(checkpoint_files(path, found), path)
    if found.kind == "ip_adapter":
        from retouch.models.adapter_files import adapter_file, encoder_folder

        file = adapter_file(path)
        return sha256_of((file, *component_files(encoder_folder(file))), file.parent)
    return sha256_of((path,) if path.is_file() else component_files(path), path)


def digest_of(record: ModelRecord) -> str:
    """Return the sha256 of an installed model's weights; of an embedded one they are hashed once.

    Raises:
        ModelMissing, ModelInvalid: weights are absent.
    """
    return record.sha256 or _hashed(record.path, record.bytes, last_modified(record.path))


@cache
def _hashed(path: Path, size: int, modified: int) -> str:
    return hash_of(path, detect(path))


def _default_name(path: Path) -> str:
    stem = path.stem if path.is_file() else path.name
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in stem)


def _refuse_duplicates(name: str, path: Path) -> None:
    if is_installed(name):
        fix = "choose another name with --name, or remove the installed one"
        raise InvalidField("model.name", name, "a name that is not in use", fix)
    for record in list_models():
        if record.path == path:
            fix = f"use {record.name!r}, or remove it first"
            raise InvalidField("model.path", str(path), "a path that is not installed", fix)


def _say(progress: Progress | None, text: str) -> None:
    if progress is not None:
        progress(text)
