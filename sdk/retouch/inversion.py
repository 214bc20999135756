"""DDIM inversion: the noisy states from which deterministic sampling leads to a known picture.

Song et al. 2020 (arXiv 2010.02502), section 4.3: the sampling step, run backwards. From a state at
one level to the next noisier one,

    x0 = D(x, level)        noise = (x - alpha x0) / sigma
    x' = alpha' x0 + sigma' noise

where the network is told the noisier level's time, because that is what it is told on the way
back.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import astuple, replace
from typing import TYPE_CHECKING

from retouch.denoiser import evaluate

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.denoiser import Condition, Denoiser, Evaluation, NoiseLevel
    from retouch.edit import Edit
    from retouch.models.model import Model

    #: A flow that returns the state at every level.
    Inversion = Generator[list[Evaluation], list[Tensor], Mapping[NoiseLevel, Tensor]]


def invert(
    latents: Tensor,
    levels: Sequence[NoiseLevel],
    condition: Condition,
    prediction: str,
    denoiser: Denoiser = evaluate,
) -> Inversion:
    """Follow a picture back to noise; a flow of one network call per step.

    Args:
        latents: the finished state ``[lanes, C, h, w]``.
        levels: of the sampling to invert, the finished one last.
        condition: what the picture shows, usually its description and no guidance.
        prediction: what the network predicts.
        denoiser: what answers; the network itself by default.

    Returns:
        The state at every level, the finished one included.
    """
    x = latents
    trajectory = {levels[-1]: x}
    for noisier, here in zip(reversed(levels[:-1]), reversed(levels[1:]), strict=True):
        answer = yield from denoiser(x, noisier, condition)
        wide = x.to(answer.dtype)
        output = noisier.output_from(answer, wide, prediction)
        x0 = here.x0_from(output, wide, prediction)
        noise = _noise(output, wide, here, noisier, prediction)
        x = (noisier.alpha * x0 + noisier.sigma * noise).to(x.dtype)
        trajectory[noisier] = x
    return trajectory


def invert_once(edit: Edit, latents: Tensor, condition: Condition) -> Inversion:
    """Follow a picture back to noise over an edit's levels, or remember where that led.

    Where the model has inverted equal latents over equal levels before, no network is called. An
    ``exact`` edit takes only what an exact one has left: batch-mates change last digits.

    Args:
        edit: gives model and levels.
        latents: the finished state ``[lanes, C, h, w]``.
        condition: what the picture shows; without image prompts, residuals and attention edits.

    Returns:
        The state at every level, the finished one included.
    """
    from retouch.models.content_cache import content_key

    model, levels = edit.model, edit.levels
    plain = not (condition.image_prompts or condition.residuals or condition.attention)
    if not (model.contents.enabled and plain):
        return (yield from invert(latents, levels, condition, model.prediction))
    seen = (condition.text, condition.vectors, condition.channels, condition.weights)
    written = [astuple(level) for level in levels]
    kind = "inversion"
    key = content_key(
        kind, model.digest, edit.input.exact, model.prediction, written, latents, seen
    )
    states = model.contents.find(kind, key)
    if states is not None:
        return dict(zip(levels, states.values(), strict=True))
    found = yield from invert(latents, levels, condition, model.prediction)
    model.contents.keep(key, {str(i): found[level] for i, level in enumerate(levels)})
    return found


def _noise(
    output: Tensor, x: Tensor, here: NoiseLevel, noisier: NoiseLevel, prediction: str
) -> Tensor:
    """The noise in ``x``; a finished state has none to divide by, so ask the output first."""
    if prediction == "epsilon":
        return output
    if prediction == "v_prediction":
        return here.signal * output + here.noise * x / here.scale
    level = here if here.sigma > 0 else noisier
    return (x - level.alpha * output) / level.sigma


def without_picture(condition: Condition, model: Model, like: Tensor) -> Condition:
    """The condition with input channels that say nothing of any picture.

    A network with picture channels was trained with zeros for "no picture"; an inpainting network
    is told that everything is to be painted, on a blank picture.
    """
    import torch

    extra = model.input_channels - model.latent_channels
    if extra == 0:
        return replace(condition, channels=None)
    channels = torch.zeros(1, extra, *like.shape[-2:], device=like.device, dtype=like.dtype)
    if model.layout == "inpaint":
        height, width = (side * model.factor for side in like.shape[-2:])
        channels[:, :1] = 1.0
        channels[:, 1:] = model.encode_picture(torch.zeros(1, 3, height, width))
    return replace(condition, channels=channels)
