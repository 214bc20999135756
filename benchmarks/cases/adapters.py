"""Parity of IP-Adapter and T2I-Adapter on SD 1.5."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import diffusers
import numpy as np
from PIL import Image as Pillow

from cases.beside import beside, control, lines, references, shades
from cases.reference import pipeline, sized, theirs
from cases.setting import SIZE, Case, Outcome, our_model, ours
from cases.stable_diffusion import GUIDED
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.t2i_adapter import T2IAdapter

SCALE = 0.7


def cases() -> Iterator[Case]:
    """Image prompts, then control pictures."""
    name = "load_ip_adapter + set_ip_adapter_scale"
    for kind in ("base", "plus"):
        run = functools.partial(image_prompt, "sd1", "StableDiffusionPipeline", kind, 1)
        yield Case(f"IP-Adapter {kind}, {SCALE}", name, run)
    run = functools.partial(image_prompt, "sd1", "StableDiffusionPipeline", "base", 2)
    yield Case("IP-Adapter, two pictures", name, run)
    name = "StableDiffusionAdapterPipeline"
    run = functools.partial(control_picture, "sd1", name)
    yield Case("T2I-Adapter", name, run)
    yield Case("T2I-Adapter, two at once", f"{name}, MultiAdapter", two_controls)


def image_prompt(family: str, name: str, kind: str, count: int) -> Outcome:
    """Reference pictures; without: none."""
    made = pipeline(name, family)
    load_into(made, family, kind)
    given = [Pillow.fromarray(np.asarray(image.pixels)) for image in references(count)]
    operation = IPAdapter(images=references(count), scale=SCALE, model=kind)
    model = our_model(family)
    return Outcome(
        ours([GUIDED, operation], model, beside(family)),
        sized(made, ip_adapter_image=[given]),
        ours([GUIDED], model),
    )


def load_into(made: Any, family: str, kind: str) -> None:
    """Load the same files into a diffusers pipeline."""
    made.load_ip_adapter(
        str(beside(family).folder / kind),
        subfolder="",
        weight_name="ip-adapter.safetensors",
        local_files_only=True,
        low_cpu_mem_usage=False,
    )
    made.set_ip_adapter_scale(SCALE)


def control_picture(family: str, name: str) -> Outcome:
    """One control picture; without: none."""
    adapter = beside(family).t2i_adapter("color", "", None).adapter
    made = pipeline(name, family, adapter=adapter)
    operation = T2IAdapter(kind="color", image=shades(), preprocess=False, scale=SCALE)
    size = {} if family == "sd1" else {"height": SIZE, "width": SIZE}
    model = our_model(family)
    return Outcome(
        ours([GUIDED, operation], model, beside(family)),
        theirs(made, image=control(shades(), 3), adapter_conditioning_scale=SCALE, **size),
        ours([GUIDED], model),
    )


def two_controls() -> Outcome:
    """Two control pictures with a weight each; without: the first one only."""
    known = [beside().t2i_adapter(kind, "", None).adapter for kind in ("canny", "color")]
    made = pipeline("StableDiffusionAdapterPipeline", adapter=diffusers.MultiAdapter(known))
    first = T2IAdapter(kind="canny", image=lines(), preprocess=False, scale=SCALE)
    second = T2IAdapter(kind="color", image=shades(), preprocess=False, scale=0.4)
    given = [control(lines(), 1), control(shades(), 3)]
    return Outcome(
        ours([GUIDED, first, second], adapters=beside()),
        theirs(made, image=given, adapter_conditioning_scale=[SCALE, 0.4]),
        ours([GUIDED, first], adapters=beside()),
    )
