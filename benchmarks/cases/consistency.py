"""Parity of latent consistency models: told the guidance scale, and no step cut by strength."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from cases.reference import pipeline, sized, theirs
from cases.setting import Case, Outcome, our_model, ours
from cases.stable_diffusion import source
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit

WIDTH = 256  # of the published networks' guidance embedding
SCALE = 8.5
STEPS = 4


def cases() -> Iterator[Case]:
    """From noise, for both predictions, and from a picture at two strengths."""
    for prediction in ("epsilon", "v_prediction"):
        run = functools.partial(plain, prediction)
        yield Case(f"LCM, 4 steps, {prediction}", "LatentConsistencyModelPipeline", run)
    name = "LatentConsistencyModelImg2ImgPipeline"
    for strength in (0.3, 0.6):
        yield Case(f"LCM, SDEdit {strength}", name, functools.partial(sdedit, strength))


def plain(prediction: str) -> Outcome:
    """Four steps of a network that is told the scale; without: told another scale."""
    made = few("LatentConsistencyModelPipeline", prediction)
    return Outcome(told(SCALE, prediction), sized(made, **settings()), told(1.0, prediction))


def sdedit(strength: float) -> Outcome:
    """The same steps on a share of the schedule; without: told another scale."""
    made = few("LatentConsistencyModelImg2ImgPipeline")
    start = [SDEdit(strength=strength)]
    return Outcome(
        told(SCALE, operations=start, latents=source()),
        theirs(made, image=source(), strength=strength, **settings()),
        told(1.0, operations=start, latents=source()),
    )


def few(name: str, prediction: str = "epsilon") -> Any:
    """The reference's pipeline of such a network."""
    made = pipeline(name, prediction=prediction, sampler="lcm", guidance_width=WIDTH)
    call = made.__call__

    def without_negative(negative_prompt: str = "", **given: Any) -> Any:
        return call(**given)  # it has no such argument

    return without_negative


def settings() -> dict[str, Any]:
    """What both pipelines are asked for beside the prompt."""
    return {"num_inference_steps": STEPS, "guidance_scale": SCALE}


def told(scale: float, prediction: str = "epsilon", operations: Any = (), **given: Any) -> Tensor:
    """Our latents."""
    model = our_model(prediction=prediction, guidance_width=WIDTH)
    chosen = [Guidance(scale=scale), *operations]
    return ours(chosen, model, sampler="lcm", steps=STEPS, **given)
