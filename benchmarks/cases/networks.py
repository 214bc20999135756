"""Random networks with the structure of Stable Diffusion 1.5 at half its width, for timing."""

from __future__ import annotations

import dataclasses

import diffusers
import torch
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from cases.reference import scheduler
from retouch.models.checkpoint import Checkpoint
from retouch.models.model import Model
from retouch.models.precision import place_network
from retouch.testing.checkpoints import seeded, tiny_sd

HALF_WIDTHS = (160, 320, 640, 640)
QUICK_WIDTHS = (32, 64, 128, 128)
TEXT_WIDTH = 768
SIDE = 32  # latents


def checkpoint(quick: bool) -> Checkpoint:
    """A checkpoint whose network takes most of the time; equal weights every time."""
    with seeded(0):
        unet = diffusers.UNet2DConditionModel(
            sample_size=SIDE,
            block_out_channels=QUICK_WIDTHS if quick else HALF_WIDTHS,
            attention_head_dim=8,
            cross_attention_dim=TEXT_WIDTH,
        )
        config = CLIPTextConfig(
            hidden_size=TEXT_WIDTH,
            intermediate_size=TEXT_WIDTH,
            num_hidden_layers=1,
            num_attention_heads=12,
            bos_token_id=49406,
            eos_token_id=49407,
            vocab_size=49408,
        )
        text = CLIPTextModel(config)
    for module in (unet, text):
        module.eval().requires_grad_(False)
    return dataclasses.replace(tiny_sd(), name="half-width", unet=unet, text_encoders=(text,))


def our_model(
    quick: bool, dtype: torch.dtype | None = None, order: torch.memory_format | None = None
) -> Model:
    """Our model in its own default format, or in a given one."""
    return Model(checkpoint(quick), dtype=dtype, memory_format=order)


def their_pipeline(
    quick: bool, dtype: torch.dtype, order: torch.memory_format
) -> diffusers.StableDiffusionPipeline:
    """diffusers' pipeline of the same weights in a given format."""
    weights = checkpoint(quick)
    parts: tuple[nn.Module, ...] = (weights.unet, weights.vae, *weights.text_encoders)
    for network in parts:
        place_network(network, torch.device("cpu"), dtype, order)
    made = diffusers.StableDiffusionPipeline(
        vae=weights.vae,
        unet=weights.unet,
        text_encoder=weights.text_encoders[0],
        tokenizer=weights.tokenizers[0],
        scheduler=scheduler("ddim", weights.scheduler_config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    return made
