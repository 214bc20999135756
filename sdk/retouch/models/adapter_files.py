"""Where an IP-Adapter's files lie; torch not needed."""

from __future__ import annotations

from pathlib import Path

from retouch.errors import ModelMissing
from retouch.models.detect import ip_adapter_file


def adapter_file(path: Path) -> Path:
    """Return the adapter's file: ``path`` itself, or the one in that folder.

    Raises:
        ModelMissing: there is none.
    """
    if path.is_file():
        return path
    file = ip_adapter_file(path) if path.is_dir() else None
    if file is None:
        raise ModelMissing(str(path), "give the adapter's .safetensors file, or its folder")
    return file


def encoder_folder(file: Path) -> Path:
    """Return the image encoder published with an adapter: beside its file, or its folder.

    Raises:
        ModelMissing: there is none.
    """
    for parent in (file.parent, file.parent.parent):
        if (parent / "image_encoder" / "config.json").is_file():
            return parent / "image_encoder"
    fix = "put the adapter's image_encoder folder (config.json, model.safetensors) beside it"
    raise ModelMissing(str(file.parent / "image_encoder"), fix)
