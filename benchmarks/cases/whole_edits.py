"""One edit from prompts to latents: ours, and diffusers' pipeline in either memory order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from cases.accelerator import Accelerator
from cases.contenders import Contenders
from cases.different_edits import Wanted, psnr, start_noise, together
from cases.reference import theirs
from cases.setting import PROMPT

ROW_CAP = 16


def compare(
    known: Contenders, device: Accelerator, steps: int, repeats: int, seconds: float
) -> dict[str, Any]:
    """In turns, with guidance and DDIM."""
    wanted = Wanted("nothing", "ddim", steps, PROMPT, seed=3)
    contenders = {
        "ours": ours(known, wanted),
        "diffusers": reference(known, wanted),
        "diffusers_same_order": reference(known, wanted, unet=known.alike),
    }
    made = {name: run() for name, run in contenders.items()}
    taken = device.take_turns(contenders, repeats, seconds)
    mine, same = taken["ours"]["median"], made["diffusers_same_order"]
    return {
        "steps": steps,
        "seconds": taken,
        "steps_per_second": steps / mine,
        "overhead_vs_diffusers": mine / taken["diffusers_same_order"]["median"],
        "default_vs_diffusers": mine / taken["diffusers"]["median"],
        "psnr_to_diffusers": psnr(same, made["ours"], float(same.max() - same.min())),
        "working_bytes": device.working_bytes(contenders["ours"]),
    }


def ours(known: Contenders, wanted: Wanted) -> Callable[[], Tensor]:
    """Our edit."""
    return lambda: together(known, (wanted,), ROW_CAP)[0]


def reference(known: Contenders, wanted: Wanted, **other: Any) -> Callable[[], Tensor]:
    """The same by diffusers; ``other`` parts replace the pipeline's own."""
    side = known.making.side
    made = known.pipeline("", wanted.sampler, **other)
    noise = start_noise(known, wanted.seed).to(known.making.device, known.making.dtype)
    return lambda: theirs(
        made,
        prompt=wanted.prompt,
        num_inference_steps=wanted.steps,
        height=side,
        width=side,
        latents=noise,
    )
