"""From latents to pictures: an autoencoder's decoder, and the small one of previews."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from retouch.models.filling import bytes_of
from retouch.models.precision import choose_dtype, choose_memory_format, place_network

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, AutoencoderTiny

    from retouch.models.preview import PreviewDecoder


class Decoder:
    """Makes pictures of latents. All that shows an edit goes through here, in whatever process.

    Args:
        vae: a checkpoint's autoencoder, perhaps without its encoder; moved, not copied.
        device: where it runs.
        dtype: number format of the model that makes the latents; measured choice when None.
        memory_format: order of convolution weights; see ``retouch.models.model.Model``.
        preview: decodes previews; without one, or with one of other latents, the autoencoder does.
    """

    def __init__(
        self,
        vae: AutoencoderKL | AutoencoderTiny,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        memory_format: torch.memory_format | None = None,
        preview: PreviewDecoder | None = None,
    ) -> None:
        self.device = torch.device(device)
        chosen = dtype or choose_dtype(self.device)
        # SDXL's autoencoder overflows in float16 and says so.
        keeps = chosen is torch.float16 and vae.config.get("force_upcast", False)
        self.dtype = torch.float32 if keeps else chosen
        self.memory_format = memory_format or choose_memory_format(self.device)
        place_network(vae, self.device, self.dtype, self.memory_format)
        self.vae = vae
        fits = preview is not None and preview.latent_channels == vae.config.latent_channels
        self.preview = preview if fits else None

    @property
    def bytes(self) -> int:
        """Size of its weights in memory."""
        beside = 0 if self.preview is None else self.preview.bytes
        return beside + bytes_of((self.vae,))

    @torch.no_grad()
    def decode(self, latents: Tensor, *, deep: bool = False) -> Tensor:
        """Pictures ``[n, 3, H, W]`` in [-1, 1], float32 on the CPU, of scaled latents.

        Args:
            latents: ``[n, C, h, w]``.
            deep: reckon in float32, for documents of more than 8 bits: bfloat16 has about a
                hundred levels in a smooth gradient, and that shows.
        """
        vae, dtype = self.vae, self.dtype
        if deep and dtype is not torch.float32:
            # a copy for this call: others may be using the network, and memory is scarcer than time
            vae, dtype = copy.deepcopy(vae), torch.float32
            place_network(vae, self.device, dtype, self.memory_format)
        unscaled = (latents / float(vae.config.scaling_factor)).to(self.device, dtype)
        picture: Tensor = vae.decode(unscaled.to(memory_format=self.memory_format)).sample
        return picture.float().clamp(-1, 1).cpu()

    def decode_preview(self, latents: Tensor) -> Tensor:
        """What ``decode`` shows, roughly and fast: by the preview decoder if there is one.

        Engine-internal like ``decode``; to show it to anyone, use ``retouch.previews``.
        """
        return self.decode(latents) if self.preview is None else self.preview.decode(latents)
