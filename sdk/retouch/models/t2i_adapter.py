"""T2I-Adapters (Mou et al. 2023, arXiv:2302.08453): a picture of control becomes residuals.

Loaded from a diffusers folder, or from the original single file through our own renaming.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from retouch.errors import ModelInvalid, ModelMissing
from retouch.models.adapter_files import GUIDED
from retouch.models.content_cache import config_text, weights_digest
from retouch.models.filling import OTHER_MODEL, bytes_of, fill, read_tensors
from retouch.models.weights_file import component_files, read_json, sha256_of

if TYPE_CHECKING:
    from diffusers import T2IAdapter

SDXL_DOWNSCALE = 16
DOWNSCALE = 8


@dataclass(frozen=True)
class T2IAdapterWeights:
    """A T2I-Adapter, verified.

    Attributes:
        name: stem of the file, or name of the folder.
        adapter: diffusers' T2IAdapter.
        in_channels: of the picture of control: 1 (grey) or 3.
        downscale: both sides of that picture must be multiples of this, in pixels.
        guided: whether it follows best where guidance strengthens it (``retouch_guided`` in its
            configuration; other readers ignore that).
        sha256: of the weights.
        source: the file or folder.
        bytes: size in memory.
    """

    name: str
    adapter: T2IAdapter
    in_channels: int
    downscale: int
    guided: bool
    sha256: str
    source: Path
    bytes: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of its features, the finest first."""
        config = self.adapter.config
        channels = tuple(int(width) for width in config.channels)
        # A light adapter repeats its last width for the coarsest level.
        return (*channels, channels[-1]) if config.adapter_type == "light_adapter" else channels

    @cached_property
    def digest(self) -> str:
        """Equal for adapters that give equal features, to the last bit; see ``weights_digest``."""
        weight = next(self.adapter.parameters())
        return weights_digest(self.sha256, config_text(self.adapter.config), str(weight.dtype))

    def residuals(self, control: Tensor) -> tuple[Tensor, ...]:
        """Turn control [N, in_channels, H, W] in 0..1 into one residual per level of the UNet."""
        weight = next(self.adapter.parameters())
        with torch.no_grad():
            return tuple(self.adapter(control.to(weight)))


def load_t2i_adapter(
    path: Path, *, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
) -> T2IAdapterWeights:
    """Load a T2I-Adapter.

    Args:
        path: a diffusers folder (``config.json``, ``diffusion_pytorch_model.safetensors``) or an
            original ``.safetensors`` file (full, full XL or light adapter).
        dtype: of the weights.
        device: of the weights.

    Raises:
        ModelMissing: nothing there, or no weights.
        ModelInvalid: pickled, damaged, incomplete, not finite, or another kind of model.
    """
    from diffusers import T2IAdapter

    if path.is_dir():
        config = read_json(path / "config.json")
        if config.get("_class_name") != "T2IAdapter":
            problem = f"a {config.get('_class_name')}, not a T2IAdapter"
            raise ModelInvalid(str(path), problem, OTHER_MODEL)
        files = component_files(path)
        tensors = read_tensors(files)
    elif path.is_file():
        files = (path,)
        config, tensors = from_original(read_tensors((path,)), str(path))
    else:
        raise ModelMissing(str(path), "check the path: there is no such file or folder")

    guided = config.pop(GUIDED, False)
    if not isinstance(guided, bool):
        raise ModelInvalid(str(path), f"{GUIDED} is {guided!r}, not true or false", "correct it")

    def build() -> Any:
        return T2IAdapter.from_config(config)

    adapter = fill(build, tensors, str(path), dtype=dtype, device=device)
    return T2IAdapterWeights(
        name=path.stem if path.is_file() else path.name,
        adapter=adapter,
        in_channels=int(config.get("in_channels", 3)),
        downscale=int(adapter.total_downscale_factor),
        guided=guided,
        sha256=sha256_of(files, path),
        source=path,
        bytes=bytes_of((adapter,)),
    )


def from_original(
    tensors: Mapping[str, Tensor], where: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Turn an original file's weights into a diffusers configuration and weights.

    A full adapter numbers its residual blocks in one list (``body.5``); diffusers by level and
    block (``body.2.resnets.1``). A light one (colour) is numbered by level already.

    Raises:
        ModelInvalid: not a T2I-Adapter.
    """
    plain = {name.removeprefix("adapter."): tensor for name, tensor in tensors.items()}
    if not any(name.startswith("body.0.") for name in plain):
        raise ModelInvalid(where, "not a T2I-Adapter", OTHER_MODEL)
    try:
        if "conv_in.weight" not in plain:
            return _light(plain)
        return _full(plain)
    except (KeyError, IndexError, ZeroDivisionError) as error:
        raise ModelInvalid(where, f"missing weights ({error})", OTHER_MODEL) from error


def _full(plain: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if any(".resnets." in name for name in plain):
        names = dict(plain)  # a diffusers adapter's weights without their configuration
        levels = 1 + max(int(name.split(".")[1]) for name in names if name.startswith("body."))
        blocks = sum(n.startswith("body.0.resnets") for n in names if n.endswith("block1.weight"))
    else:
        count = 1 + max(int(name.split(".")[1]) for name in plain if name.startswith("body."))
        levels, blocks = 4, count // 4
        names = {_full_name(name, blocks): tensor for name, tensor in plain.items()}
    channels = [
        int(names[f"body.{level}.resnets.0.block1.weight"].shape[0]) for level in range(levels)
    ]
    wide = int(names["conv_in.weight"].shape[1])
    # One or three channels of control, folded by 8 (SD) or 16 (SDXL) along each side.
    xl = wide in (SDXL_DOWNSCALE**2, 3 * SDXL_DOWNSCALE**2)
    downscale = SDXL_DOWNSCALE if xl else DOWNSCALE
    config = {
        "in_channels": wide // downscale**2,
        "channels": channels,
        "num_res_blocks": blocks,
        "downscale_factor": downscale,
        "adapter_type": "full_adapter_xl" if xl else "full_adapter",
    }
    return config, {f"adapter.{name}": tensor for name, tensor in names.items()}


def _full_name(name: str, blocks: int) -> str:
    found = re.fullmatch(r"body\.(\d+)\.(in_conv|block\d)\.(\w+)", name)
    if not found:
        return name
    level, block = divmod(int(found[1]), blocks)
    if found[2] == "in_conv":
        return f"body.{level}.in_conv.{found[3]}"
    return f"body.{level}.resnets.{block}.{found[2]}.{found[3]}"


def _light(plain: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    names = {
        re.sub(r"^body\.(\d+)\.body\.(\d+)\.", r"body.\1.resnets.\2.", name): tensor
        for name, tensor in plain.items()
    }
    levels = 1 + max(int(name.split(".")[1]) for name in names if name.startswith("body."))
    blocks = sum(n.startswith("body.0.resnets") for n in names if n.endswith("block1.weight"))
    # diffusers repeats the last width for the last level by itself.
    channels = [int(names[f"body.{k}.out_conv.weight"].shape[0]) for k in range(levels - 1)]
    config = {
        "in_channels": int(names["body.0.in_conv.weight"].shape[1]) // DOWNSCALE**2,
        "channels": channels,
        "num_res_blocks": blocks,
        "downscale_factor": DOWNSCALE,
        "adapter_type": "light_adapter",
    }
    return config, {f"adapter.{name}": tensor for name, tensor in names.items()}
