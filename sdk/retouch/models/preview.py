"""Preview decoders: small AutoencoderTiny decoders that show an edit on its way.

The layout is TAESD's (Ollin Boer Bohan, 2023): a diffusers folder of an ``AutoencoderTiny``. Only
its decoder is read, so a folder may hold that alone. What it shows is a sketch of what the model's
own autoencoder would decode, in a fraction of its time; results never come from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from retouch.errors import ModelInvalid
from retouch.models.filling import OTHER_MODEL, bytes_of, fill, read_tensors
from retouch.models.weights_file import component_files, read_json, sha256_of

if TYPE_CHECKING:
    from torch import nn

PREFIX = "decoder."


@dataclass(frozen=True)
class PreviewDecoder:
    """A loaded preview decoder.

    Attributes:
        name: of its folder.
        decoder: clamped latents ``[n, C, h, w]`` -> pixels ``[n, 3, H, W]``, about -1..1.
        latent_channels: C.
        scaling_factor: the network's latents are divided by it first; 1 for TAESD, which reads
            them as they are.
        sha256: of its weights.
        source: its folder.
        bytes: size of the decoder in memory.
    """

    name: str
    decoder: nn.Module
    latent_channels: int
    scaling_factor: float
    sha256: str = ""
    source: Path | None = None
    bytes: int = 0

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures ``[n, 3, H, W]`` in [-1, 1], float32 on the CPU, of scaled latents."""
        given = next(self.decoder.parameters())
        pixels: Tensor = self.decoder((latents / self.scaling_factor).to(given))
        return pixels.float().clamp(-1, 1).cpu()


def load_preview(path: Path, *, device: str | torch.device = "cpu") -> PreviewDecoder:
    """Load the decoder of an ``AutoencoderTiny`` folder, in float32.

    Raises:
        ModelInvalid: another kind of model, pickled, damaged, incomplete or not finite.
    """
    config = read_json(path / "config.json")
    if config.get("_class_name") != "AutoencoderTiny":
        problem = f"a {config.get('_class_name')}, not an AutoencoderTiny"
        raise ModelInvalid(str(path), problem, OTHER_MODEL)
    files = component_files(path)
    tensors = {
        name.removeprefix(PREFIX): tensor
        for name, tensor in read_tensors(files).items()
        if name.startswith(PREFIX)
    }
    decoder = fill(lambda: _decoder(config, path), tensors, str(path), dtype=torch.float32)
    return PreviewDecoder(
        name=path.name,
        decoder=decoder.to(device),
        latent_channels=int(config.get("latent_channels", 4)),
        scaling_factor=float(config.get("scaling_factor", 1.0)),
        sha256=sha256_of(files, path),
        source=path,
        bytes=bytes_of((decoder,)),
    )


def _decoder(config: dict[str, Any], path: Path) -> nn.Module:
    from diffusers import AutoencoderTiny

    # It saves a duplicate of its decoder's widths and does not take it back.
    known = {name: value for name, value in config.items() if name != "block_out_channels"}
    try:
        decoder: nn.Module = AutoencoderTiny.from_config(known).decoder
    except (TypeError, ValueError, KeyError, IndexError) as error:
        problem = f"its configuration does not describe an AutoencoderTiny ({error})"
        raise ModelInvalid(str(path), problem, "restore the publisher's config.json") from error
    return decoder
