"""The networks of the embedded model and the diffusion loss they are trained with."""

from __future__ import annotations

from typing import Final

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

CHANNELS: Final = (32, 96, 160)
WIDTH: Final = 128
STEPS: Final = 1000


def scheduler() -> DDIMScheduler:
    """Return the noise schedule: scaled-linear, v-prediction (arXiv 2202.00512), trailing steps."""
    return DDIMScheduler(
        num_train_timesteps=STEPS,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=0,
    )


def build_unet(in_channels: int = 4) -> UNet2DConditionModel:
    """Return the untrained denoiser for (N, in_channels, 16, 16) latents of 128 px pictures.

    The block layout is Stable Diffusion 1's, one layer per block. ``attention_head_dim`` is the
    NUMBER of heads in this class: heads are 32 wide here.
    """
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=in_channels,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=CHANNELS,
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=tuple(c // 32 for c in CHANNELS),
        norm_num_groups=16,
    )


def prepare_unet(unet: UNet2DConditionModel, device: str) -> UNet2DConditionModel:
    """Move to the device, channels last, plain attention (faster to train at these sizes)."""
    unet.set_attn_processor(AttnProcessor())
    unet.to(device=device, memory_format=torch.channels_last)
    return unet


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Return the untrained text encoder: 2 layers, 128 wide, 77 positions."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


class Noise(nn.Module):
    """Adds noise and gives the velocity target for the schedule's timesteps."""

    alphas: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("alphas", scheduler().alphas_cumprod)

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (noised, timesteps, velocity) for (N, 4, H, W) latents of unit deviation."""
        count = len(latents)
        # Stratified; 80 % logit-normal around the middle of the schedule (arXiv 2403.03206).
        places = (torch.arange(count) + torch.rand(count)) / count
        uniform = torch.rand(count) < 0.2
        middle = torch.sigmoid(0.4 + torch.special.ndtri(places.clamp(1e-4, 1 - 1e-4)))
        places = torch.where(uniform, places, middle)
        timesteps = (places * STEPS).long().clamp(max=STEPS - 1).to(latents.device)
        alpha = self.alphas[timesteps].view(-1, 1, 1, 1)
        noise = torch.randn_like(latents)
        noised = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
        return noised, timesteps, velocity


def velocity_loss(output: Tensor, velocity: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared error in which the object and the cells around it count 4 times.

    ``output`` and ``velocity`` are (N, 4, H, W); ``mask`` is (N, 1, H, W) in [0, 1]. Places and
    colours are learned in minutes; the outline is what takes long.
    """
    weight = 1 + 3 * functional.max_pool2d(mask, 3, stride=1, padding=1)
    return (weight * (output.float() - velocity).square()).mean() / weight.mean()
