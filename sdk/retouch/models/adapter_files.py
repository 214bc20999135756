"""Where an IP-Adapter's files lie; torch not needed."""

from __future__ import annotations

from pathlib import Path

from retouch.errors import ModelMissing
from retouch.models.detect import ip_adapter_file
from retouch.models.weights_file import read_header, read_json

#: Key of our own in a T2I-Adapter's configuration.
GUIDED = "retouch_guided"


def recommends_guidance(path: Path) -> bool:
    """Return whether a T2I-Adapter follows best where guidance strengthens it, as it says itself.

    Raises:
        ModelMissing, ModelInvalid: its configuration cannot be read.
    """
    return path.is_dir() and read_json(path / "config.json").get(GUIDED, False) is True


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
    """Return the image encoder published with an adapter, the one whose width it reads.

    Looked for beside the file, beside its folder, and in ``models/`` beside its folder: the
    published SDXL adapters share an encoder with those of SD 1.5 that way.

    Raises:
        ModelMissing: there is none.
        ModelInvalid: the adapter or an encoder's configuration is damaged.
    """
    near, above = file.parent, file.parent.parent
    places = (near, above, above / "models")
    found = [p / "image_encoder" for p in places if (p / "image_encoder/config.json").is_file()]
    if not found:
        fix = "put the adapter's image_encoder folder (config.json, model.safetensors) beside it"
        raise ModelMissing(str(near / "image_encoder"), fix)
    header = read_header(file)
    base, plus = header.shape("image_proj.proj.weight"), header.shape("image_proj.proj_in.weight")
    for folder in found:
        config = read_json(folder / "config.json")
        wanted, width = (base, "projection_dim") if base else (plus, "hidden_size")
        if wanted[1:] == (config.get(width),):
            return folder
    return found[0]  # does not fit: loading says how
