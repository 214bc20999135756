"""Parity of SDXL: plain, SDEdit, inpainting, IP-Adapter, T2I-Adapter."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from cases.adapters import control_picture, image_prompt
from cases.setting import Case
from cases.stable_diffusion import inpaint, plain, sdedit


def cases() -> Iterator[Case]:
    """All of them."""
    name = "StableDiffusionXL"
    for sampler in ("ddim", "euler"):
        run = functools.partial(plain, "sdxl", "epsilon", sampler)
        yield Case(f"SDXL plain guidance, {sampler}", f"{name}Pipeline", run)
    run = functools.partial(sdedit, "sdxl", "epsilon", "ddim", 0.6)
    yield Case("SDXL SDEdit 0.6", f"{name}Img2ImgPipeline", run)
    run = functools.partial(inpaint, None, "sdxl", 4)
    yield Case("SDXL inpaint by blending, 0.6", f"{name}InpaintPipeline", run)
    run = functools.partial(image_prompt, "sdxl", f"{name}Pipeline", "base", 1)
    yield Case("SDXL IP-Adapter", "load_ip_adapter + set_ip_adapter_scale", run)
    run = functools.partial(control_picture, "sdxl", f"{name}AdapterPipeline")
    yield Case("SDXL T2I-Adapter", f"{name}AdapterPipeline", run)
