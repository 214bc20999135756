"""The networks of the embedded model and the diffusion loss they are trained with."""

from __future__ import annotations

from typing import Final

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel

from training.tokenizer import POSITIONS, Words

#: At 1/4, 1/8 and 1/16 of the picture; attention at 1/8 and 1/16.
CHANNELS: Final = (48, 96, 192)
#: Cells of the latents along one side of a 128 px picture.
CELLS: Final = 32
HEAD: Final = 32
WIDTH: Final = 192
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
    """Return the untrained denoiser for (N, in_channels, 32, 32) latents of 128 px pictures.

    SDXL's block types, one layer each: the first level has no attention, it only brings the f4
    latents to the size of f8 ones. ``attention_head_dim`` is the
    NUMBER of heads in this class: heads are 32 wide here.
    """
    return UNet2DConditionModel(
        sample_size=CELLS,
        in_channels=in_channels,
        out_channels=4,
        down_block_types=("DownBlock2D", *["CrossAttnDownBlock2D"] * 2),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=(*["CrossAttnUpBlock2D"] * 2, "UpBlock2D"),
        block_out_channels=CHANNELS,
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=tuple(c // HEAD for c in CHANNELS),
        norm_num_groups=16,
    )


def prepare_unet(unet: UNet2DConditionModel, device: str) -> UNet2DConditionModel:
    """Move to the device, channels last; on a CPU plain attention trains faster at these sizes."""
    cuda = torch.device(device).type == "cuda"
    unet.set_attn_processor(AttnProcessor2_0() if cuda else AttnProcessor())
    unet.to(device=device, memory_format=torch.channels_last)
    return unet


def freeze(network: nn.Module) -> nn.Module:
    """Let a network take no gradients, products' weights in bfloat16, as autocast would cast them.

    Autocast keeps its casts of trained weights alone; a frozen one it would cast in every call.
    """
    network.requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.to(torch.bfloat16)
    return network


def widen(unet: UNet2DConditionModel, state: dict[str, Tensor]) -> None:
    """Load a 4-channel denoiser's ``state`` into a wider ``unet``; new inputs start at zero."""
    narrow = state["conv_in.weight"]
    wide = torch.zeros_like(unet.conv_in.weight)
    wide[:, : narrow.shape[1]] = narrow
    unet.load_state_dict({**state, "conv_in.weight": wide})


def build_text_encoder(words: Words, *, full: bool = False) -> CLIPTextModel:
    """Return the untrained text encoder: 3 layers, 192 wide, 77 positions.

    ``full``: with CLIP's 49,408 embeddings instead of one per known token and one for all others.
    """
    tokenizer = words.tokenizer
    config = CLIPTextConfig(
        vocab_size=len(tokenizer) if full else words.size,
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=WIDTH // 64,
        max_position_embeddings=POSITIONS,
        bos_token_id=tokenizer.bos_token_id if full else int(words.compact[tokenizer.bos_token_id]),
        eos_token_id=tokenizer.eos_token_id if full else words.end,
        pad_token_id=tokenizer.pad_token_id if full else words.end,
    )
    return CLIPTextModel(config)


EMBEDDING: Final = "embeddings.token_embedding.weight"


def full_table(state: dict[str, Tensor], words: Words) -> dict[str, Tensor]:
    """Return a text encoder's state with one row per CLIP token; unknown ones share row 0."""
    rows = torch.from_numpy(words.compact)
    return {n: t[rows].clone() if n.endswith(EMBEDDING) else t for n, t in state.items()}


class Noise(nn.Module):
    """Adds noise and gives the velocity target for the schedule's timesteps.

    ``centre``, in logits of the share of the schedule, is where most timesteps lie: 0 is the
    middle, more is more noise. The base had 0.4; that was not compared with others.
    """

    alphas: Tensor

    def __init__(self, centre: float = 0.4) -> None:
        super().__init__()
        self.centre = centre
        self.register_buffer("alphas", scheduler().alphas_cumprod)

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (noised, timesteps, velocity) for (N, 4, H, W) latents of unit deviation."""
        count = len(latents)
        # Stratified; 80 % logit-normal around the middle of the schedule (arXiv 2403.03206).
        device = latents.device
        places = torch.arange(count, device=device) + torch.rand(count, device=device)
        places = places / count
        uniform = torch.rand(count, device=device) < 0.2
        middle = torch.sigmoid(self.centre + torch.special.ndtri(places.clamp(1e-4, 1 - 1e-4)))
        places = torch.where(uniform, places, middle)
        timesteps = (places * STEPS).long().clamp(max=STEPS - 1)
        alpha = self.alphas[timesteps].view(-1, 1, 1, 1)
        noise = torch.randn_like(latents)
        noised = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
        return noised, timesteps, velocity


def velocity_loss(output: Tensor, velocity: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared error in which the objects and the cells around count 4 times.

    ``output`` and ``velocity`` are (N, 4, H, W); ``mask`` is (N, 1, H, W) in [0, 1]. Places and
    colours are learned in minutes; the outline is what takes long.
    """
    weight = 1 + 3 * functional.max_pool2d(mask, 3, stride=1, padding=1)
    return (weight * (output.float() - velocity).square()).mean() / weight.mean()
