"""Checkpoints as diffusers folders: one subfolder with configuration and weights per component."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retouch.errors import ModelInvalid
from retouch.models.detect import Description
from retouch.models.records import find_model
from retouch.models.weights_file import component_files, read_json

if TYPE_CHECKING:
    from torch import Tensor

# Attention of autoencoders saved before diffusers 0.18.
OLD_ATTENTION = {
    ".query.": ".to_q.",
    ".key.": ".to_k.",
    ".value.": ".to_v.",
    ".proj_attn.": ".to_out.0.",
}


class DiffusersFolder:
    """The components of a diffusers folder; missing ones are borrowed from a base folder."""

    def __init__(self, path: Path, base: Path | None = None) -> None:
        """Open the folder ``path``; ``base`` lends the components it does not have."""
        self.path, self.base = path, base
        self.files: tuple[Path, ...] = ()

    def settings(self, component: str) -> Path:
        """Return the folder with a component's configuration: its own, else the base's."""
        own = self.path / component
        if self.base is None or own.is_dir():
            return own
        return self.base / component

    def config(self, component: str) -> dict[str, Any]:
        """Return a component's configuration."""
        name = "scheduler_config.json" if component == "scheduler" else "config.json"
        return read_json(self.settings(component) / name)

    def weights(self, component: str) -> dict[str, Tensor]:
        """Return a component's weights by their current names; records the files read."""
        from retouch.models.filling import read_tensors  # all else here needs no torch

        files = component_files(self.settings(component))
        self.files += files
        tensors = read_tensors(files)
        return modern_attention(tensors) if component == "vae" else tensors


def modern_attention(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename an autoencoder's old attention weights, 1x1 convolutions to matrices."""
    renamed = {}
    for name, tensor in tensors.items():
        new = name
        for old, current in OLD_ATTENTION.items():
            new = new.replace(old, current)
        if new != name and tensor.ndim == 4:
            tensor = tensor[:, :, 0, 0]
        renamed[new] = tensor
    return renamed


def checkpoint_files(path: Path, found: Description) -> tuple[Path, ...]:
    """Return the weight files that loading a diffusers folder reads, its base's included.

    Raises:
        ModelMissing, ModelInvalid: weights or the base are absent.
    """
    parts = DiffusersFolder(path, base_folder(path, found.base))
    names = ["unet", "vae", "text_encoder"]
    if parts.config("unet").get("addition_embed_type") == "text_time":
        names.append("text_encoder_2")
    return tuple(file for name in names for file in component_files(parts.settings(name)))


def base_folder(path: Path, base: str) -> Path | None:
    """Return the folder of the model that lends its components, ``None`` when none is named.

    Raises:
        ModelMissing: the base is not installed.
        ModelInvalid: the base borrows components itself.
    """
    if not base:
        return None
    sibling = path.parent / base
    folder = sibling if (sibling / "model_index.json").is_file() else find_model(base).path
    if "_retouch_base" in read_json(folder / "model_index.json"):
        problem = f"its base {base!r} borrows components itself"
        raise ModelInvalid(str(path), problem, "name a complete model as the base")
    return folder
