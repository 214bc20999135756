"""Parity of the soft mask with differential diffusion, in its published form.

diffusers has it as a community pipeline only, which its wheel does not carry: this is algorithm 1
of Levin & Fried 2023 (arXiv 2306.00950) on diffusers' network, scheduler and text encoder, without
a line of Retouch. It re-noises the whole picture for every step beforehand and swaps it in where
the map still exceeds the threshold ``step / steps``.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from cases.reference import pipeline
from cases.setting import (
    LATENT,
    NEGATIVE,
    PROMPT,
    SCALE,
    SEED,
    SIZE,
    STEPS,
    Case,
    Outcome,
    ours,
    ramp_mask,
)
from cases.stable_diffusion import GUIDED, source
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask


def cases() -> Iterator[Case]:
    """The soft mask alone."""
    yield Case("soft mask, linear ramp", "differential diffusion (published form)", ramp)


def ramp() -> Outcome:
    """Strength rises from left to right; without: no mask."""
    full = SDEdit(strength=1.0)
    return Outcome(
        ours([GUIDED, SoftMask()], latents=source(), mask=ramp_mask()),
        published(source(), 1.0 - ramp_mask()),
        ours([GUIDED, full], latents=source()),
    )


@torch.no_grad()
def published(original: Tensor, keep: Tensor) -> Tensor:
    """Algorithm 1: latents of an edit that keeps each pixel for a share ``keep`` of the steps."""
    made = pipeline("StableDiffusionPipeline")
    scheduler = made.scheduler
    scheduler.set_timesteps(STEPS)
    wanted, negative = made.encode_prompt(PROMPT, "cpu", 1, True, NEGATIVE)
    text = torch.cat([negative, wanted])
    noise = torch.randn(LATENT, generator=torch.Generator().manual_seed(SEED))
    renoised = [scheduler.add_noise(original, noise, time[None]) for time in scheduler.timesteps]
    small = keep.reshape(1, 1, SIZE // 8, 8, SIZE // 8, 8).mean((3, 5))
    x = renoised[0]
    for step, time in enumerate(scheduler.timesteps):
        if step > 0:
            frozen = (small > step / STEPS).to(x.dtype)
            x = renoised[step] * frozen + x * (1 - frozen)
        without, towards = made.unet(torch.cat([x, x]), time, text, return_dict=False)[0].chunk(2)
        x = scheduler.step(without + SCALE * (towards - without), time, x, return_dict=False)[0]
    return x
