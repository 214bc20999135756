"""What both sides of a comparison share: prompts, seed, steps, weights, pictures, noise."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from retouch.edit import Edit, EditInput
from retouch.engine.engine import Engine, Job
from retouch.engine.run import run_edit
from retouch.models.checkpoint import Checkpoint
from retouch.models.model import Model
from retouch.noise import NoiseStreams
from retouch.operation import Operation
from retouch.testing.checkpoints import tiny_sd

SEED = 3
STEPS = 8
SCALE = 7.5
PROMPT = "a photo of a cat on a green hill"
NEGATIVE = "a photo of a dog on a green hill"
#: Deepest layers of 2x2: at 64 px a tiny network would normalise groups of two to four numbers,
#: which turns rounding into signs.
SIZE = 128
LATENT = (1, 4, SIZE // 8, SIZE // 8)


@dataclass(frozen=True)
class Outcome:
    """Latents of one case: ours, the reference's, and ours without the operation."""

    ours: Tensor
    reference: Tensor
    without: Tensor

    @property
    def difference(self) -> float:
        """Greatest absolute difference from the reference."""
        return float((self.ours - self.reference).abs().max())

    @property
    def effect(self) -> float:
        """Greatest absolute difference the operation makes."""
        return float((self.ours - self.without).abs().max())


@dataclass(frozen=True)
class Case:
    """One comparison: what is edited, with which reference class, and how to run both."""

    name: str
    reference: str
    run: Callable[[], Outcome]


class ReplayedNoise(NoiseStreams):
    """diffusers' order of draws: one generator for autoencoder, start and step noise.

    Args:
        seed: of that generator.
        shape: of the start noise.
        earlier: shapes drawn before the start noise (autoencoder posteriors).
    """

    def __init__(
        self, seed: int, shape: tuple[int, ...] = LATENT, earlier: Sequence[tuple[int, ...]] = ()
    ) -> None:
        super().__init__(seed)
        self._earlier = list(earlier)
        self._start = shape

    def fresh(self, name: str) -> torch.Generator:
        """The shared generator after everything the reference drew before ``name``."""
        generator = torch.Generator("cpu").manual_seed(self.seed)
        drawn = [*self._earlier, self._start] if name == "step" else self._earlier
        for shape in drawn:
            torch.randn(shape, generator=generator)
        return generator


def checkpoint(
    family: Any = "sd1",
    in_channels: int = 4,
    prediction: str = "epsilon",
    deep: bool = True,
    guidance_width: int = 0,
) -> Checkpoint:
    """Fresh random weights, equal for equal arguments; ``deep`` has all layers of the real model.

    Two changes, on both sides alike. The autoencoder's posterior is narrowed to its mode: diffusers
    samples it, Retouch takes the mode so that equal pictures give equal latents (the reference's
    draw itself still happens). And the network's output is halved (a tenth for a shallow one): the
    answers of a random network to two prompts differ as much as the answers are large, guidance
    multiplies that by 7.5 per step, and one last digit of the start noise would move the
    *reference's* own result by more than the tolerance.
    """
    made = tiny_sd(family, in_channels, prediction, deep=deep, guidance_width=guidance_width)
    output: Any = made.unet.conv_out
    output.weight.data *= 0.5 if deep else 0.1
    output.bias.data *= 0.5 if deep else 0.1
    posterior: Any = made.vae.quant_conv
    channels = made.latent_channels
    posterior.weight.data[channels:] = 0.0
    posterior.bias.data[channels:] = -30.0
    return made


@functools.cache
def our_model(
    family: str = "sd1",
    in_channels: int = 4,
    prediction: str = "epsilon",
    deep: bool = True,
    guidance_width: int = 0,
) -> Model:
    """Our model of these weights, in float32 and the reference's memory order."""
    return Model(
        checkpoint(family, in_channels, prediction, deep, guidance_width),
        dtype=torch.float32,
        memory_format=torch.contiguous_format,
    )


def ours(
    operations: Sequence[Operation], model: Model | None = None, adapters: Any = None, **given: Any
) -> Tensor:
    """Latents of our edit."""
    wanted: dict[str, Any] = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "size": (SIZE, SIZE),
        "steps": STEPS,
        "seed": SEED,
        "noise": ReplayedNoise(SEED),
    }
    model = model or our_model()
    edit = Edit(EditInput(**(wanted | given)), model, adapters)
    engine = Engine()
    job = engine.submit(Job(run_edit(edit, operations, lambda progress: None), model))
    engine.run()
    if job.error is not None:
        raise job.error
    assert job.result is not None
    return job.result


def picture(seed: int = 11) -> Tensor:
    """A random picture ``[1, 3, H, W]`` in [-1, 1], smooth at the scale of a latent."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, SIZE // 4, SIZE // 4, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bilinear")
    return fine * 2 - 1


def box_mask() -> Tensor:
    """A mask ``[1, 1, H, W]`` of whole latents: both ways to latent resolution agree on it."""
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[..., 16:48, 24:56] = 1
    return mask


def ramp_mask() -> Tensor:
    """A mask rising from left to right in steps of one latent."""
    columns = (torch.arange(SIZE // 8) * 2 + 1) / (SIZE // 4)
    return columns.repeat_interleave(8).expand(1, 1, SIZE, SIZE).contiguous()
