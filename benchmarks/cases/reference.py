"""diffusers' own pipelines on the same weights."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import diffusers
import torch
import transformers
from torch import Tensor

from cases.setting import NEGATIVE, PROMPT, SCALE, SEED, SIZE, STEPS, checkpoint

#: diffusers' scheduler and settings behind each of our samplers.
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_ancestral": ("EulerAncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
}


def pipeline(
    name: str,
    family: str = "sd1",
    in_channels: int = 4,
    prediction: str = "epsilon",
    sampler: str = "ddim",
    guidance_width: int = 0,
    **more: Any,
) -> Any:
    """A diffusers pipeline of class ``name`` on fresh copies of the weights."""
    weights = checkpoint(family, in_channels, prediction, guidance_width=guidance_width)
    parts: dict[str, Any] = {
        "vae": weights.vae,
        "unet": weights.unet,
        "text_encoder": weights.text_encoders[0],
        "tokenizer": weights.tokenizers[0],
        "scheduler": scheduler(sampler, weights.scheduler_config),
    }
    if family == "sdxl":
        parts |= {"text_encoder_2": weights.text_encoders[1], "tokenizer_2": weights.tokenizers[1]}
    else:
        parts |= {"safety_checker": None, "feature_extractor": None}
        parts |= {"requires_safety_checker": False}
    made = getattr(diffusers, name)(**(parts | more))
    made.set_progress_bar_config(disable=True)
    return made


def scheduler(sampler: str, config: Any) -> Any:
    """diffusers' scheduler for one of our samplers, on the model's own noise schedule."""
    name, settings = SCHEDULERS[sampler]
    plain = {"clip_sample": False, "thresholding": False}
    return getattr(diffusers, name).from_config({**config, **plain, **settings})


def theirs(made: Any, **given: Any) -> Tensor:
    """Latents of the reference's edit."""
    wanted: dict[str, Any] = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "num_inference_steps": STEPS,
        "guidance_scale": SCALE,
        "generator": torch.Generator().manual_seed(SEED),
        "output_type": "latent",
    }
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        latents: Tensor = made(**(wanted | given)).images
    return latents


def sized(made: Any, **given: Any) -> Tensor:
    """``theirs`` for pipelines that take height and width."""
    return theirs(made, height=SIZE, width=SIZE, **given)


def quiet() -> None:
    """Leave out the libraries' advice and progress bars: the output is a table."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    logging.getLogger("diffusers").setLevel(logging.ERROR)
