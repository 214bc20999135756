"""A checkpoint in memory: the networks, the tokenizers and the noise schedule of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
    from transformers import CLIPTokenizer, PreTrainedModel

FamilyName = Literal["sd1", "sd2", "sdxl"]
FAMILIES: tuple[FamilyName, ...] = ("sd1", "sd2", "sdxl")
PREDICTION_TYPES: tuple[str, ...] = ("epsilon", "v_prediction", "sample")


@dataclass(frozen=True)
class Checkpoint:
    """One loaded Stable Diffusion model; every tensor is verified, finite and in eval mode.

    Attributes:
        name: the installed name, or the stem of the path.
        family: ``sd1``, ``sd2`` or ``sdxl``.
        unet: latents [N, in_channels, h, w], timestep [N], tokens [N, 77, d] -> [N, C, h, w].
        vae: pixels [N, 3, H, W] in -1..1 <-> latents [N, C, H / vae_factor, W / vae_factor].
        text_encoders: one for ``sd1`` and ``sd2``; two for ``sdxl`` (CLIP-L, then bigG).
        tokenizers: one per text encoder, 77 tokens; SDXL's second pads with ``!`` (id 0).
        scheduler_config: the noise schedule: ``prediction_type``, ``timestep_spacing``,
            ``beta_start``, ``beta_end``, ``beta_schedule``, ``num_train_timesteps``, ...
        sha256: of the single file; for a folder, of the ``path sha256`` lines of its weights.
        source: the file or folder it came from; ``None`` when it was built in memory.
        bytes: size of all parameters and buffers in memory.
    """

    name: str
    family: FamilyName
    unet: UNet2DConditionModel
    vae: AutoencoderKL | AutoencoderTiny
    text_encoders: tuple[PreTrainedModel, ...]
    tokenizers: tuple[CLIPTokenizer, ...]
    scheduler_config: Mapping[str, Any] = field(repr=False)
    sha256: str = ""
    source: Path | None = None
    bytes: int = 0

    @property
    def in_channels(self) -> int:
        """Input channels of the network: 4 (plain), 8 (InstructPix2Pix) or 9 (inpainting)."""
        return int(self.unet.config.in_channels)

    @property
    def latent_channels(self) -> int:
        """Channels C of the latents, 4 for Stable Diffusion."""
        return int(self.vae.config.latent_channels)

    @property
    def vae_factor(self) -> int:
        """Pixels per latent along one side, 8 for Stable Diffusion."""
        widths = getattr(self.vae.config, "block_out_channels", None)
        if widths is None:  # AutoencoderTiny
            widths = self.vae.config.encoder_block_out_channels
        return int(2 ** (len(widths) - 1))

    @property
    def prediction_type(self) -> str:
        """What the network predicts: ``epsilon``, ``v_prediction`` or ``sample``."""
        return str(self.scheduler_config.get("prediction_type", "epsilon"))

    @property
    def takes_guidance(self) -> bool:
        """Whether the guidance scale is an input of the network (guided distillation)."""
        return bool(getattr(self.unet.config, "time_cond_proj_dim", None))

    @property
    def cross_attention_dim(self) -> int:
        """Width d of the text tokens: 768 (SD 1.x), 1024 (SD 2.x) or 2048 (SDXL)."""
        return int(self.unet.config.cross_attention_dim)
