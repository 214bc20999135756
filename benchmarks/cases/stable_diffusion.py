"""Parity of SD 1 and 2: plain, SDEdit, InstructPix2Pix, inpainting, v-prediction."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import Tensor

from cases.reference import SCHEDULERS, pipeline, sized, theirs
from cases.setting import (
    LATENT,
    SCALE,
    SEED,
    Case,
    Outcome,
    ReplayedNoise,
    box_mask,
    our_model,
    ours,
    picture,
)
from retouch.denoiser import NoiseLevel
from retouch.edit import Edit
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask

GUIDED = Guidance(scale=SCALE)
UNGUIDED = Guidance(scale=1.0)


def cases() -> Iterator[Case]:
    """All of them."""
    for sampler in SCHEDULERS:
        run = functools.partial(plain, "sd1", "epsilon", sampler)
        yield Case(f"plain guidance, {sampler}", "StableDiffusionPipeline", run)
    for strength in (0.6, 1.0):
        for sampler in SCHEDULERS:
            if sampler == "lcm" and strength < 1.0:
                continue  # means another thing by strength: see consistency.py
            run = functools.partial(sdedit, "sd1", "epsilon", sampler, strength)
            yield Case(f"SDEdit {strength}, {sampler}", "StableDiffusionImg2ImgPipeline", run)
    name = "StableDiffusionInstructPix2PixPipeline"
    yield Case("InstructPix2Pix", name, instruct_pix2pix)
    name = "StableDiffusionInpaintPipeline"
    yield Case("inpaint by blending, 0.6", name, blended)
    yield Case("inpaint, nine channels, 0.6", name, nine_channels)
    yield Case("inpaint, nine channels, 1.0", name, filled)
    for sampler in ("ddim", "euler", "dpmpp_2m", "unipc"):
        run = functools.partial(plain, "sd2", "v_prediction", sampler)
        yield Case(f"sd2 v-prediction, {sampler}", "StableDiffusionPipeline", run)
    run = functools.partial(sdedit, "sd2", "v_prediction", "ddim", 0.6)
    yield Case("sd2 v-prediction, SDEdit 0.6", "StableDiffusionImg2ImgPipeline", run)


def class_of(family: str, task: str = "") -> str:
    """diffusers' class for a task on a family."""
    return f"StableDiffusion{'XL' if family == 'sdxl' else ''}{task}Pipeline"


def plain(family: str, prediction: str, sampler: str) -> Outcome:
    """Text to picture with classifier-free guidance; without: no guidance."""
    model = our_model(family, 4, prediction)
    made = pipeline(class_of(family), family, prediction=prediction, sampler=sampler)
    return Outcome(
        ours([GUIDED], model, sampler=sampler),
        sized(made),
        ours([UNGUIDED], model, sampler=sampler),
    )


def source() -> Tensor:
    """Latents to edit."""
    return torch.randn(LATENT, generator=torch.Generator().manual_seed(9))


def sdedit(family: str, prediction: str, sampler: str, strength: float) -> Outcome:
    """From noised latents; without: from pure noise."""
    model = our_model(family, 4, prediction)
    made = pipeline(class_of(family, "Img2Img"), family, prediction=prediction, sampler=sampler)
    return Outcome(
        ours([GUIDED, SDEdit(strength=strength)], model, sampler=sampler, latents=source()),
        theirs(made, image=source(), strength=strength),
        ours([GUIDED], model, sampler=sampler),
    )


def instruct_pix2pix() -> Outcome:
    """Eight channels, two scales; without: the picture's channels without a scale of their own."""
    made = pipeline("StableDiffusionInstructPix2PixPipeline", in_channels=8)
    model, shown = our_model(in_channels=8), picture()
    return Outcome(
        ours([GUIDED, InstructPix2Pix(image_scale=1.5)], model, picture=shown),
        theirs(made, image=(shown + 1) / 2, image_guidance_scale=1.5),
        ours([GUIDED, InstructPix2Pix(image_scale=1.0)], model, picture=shown),
    )


def blended() -> Outcome:
    """The four-channel model with a hard mask; without: no mask."""
    return inpaint(None, "sd1", 4)


def nine_channels() -> Outcome:
    """The inpainting model; without: the mask lets everything through.

    The reference does not blend with this model, so only what our mask tells the network takes
    part here; the blending itself is the case before.
    """
    return inpaint(ChannelsOnly(), "sd1", 9)


def filled() -> Outcome:
    """The inpainting model from pure noise; without: the mask lets everything through."""
    made = pipeline("StableDiffusionInpaintPipeline", in_channels=9)
    model, operations = our_model(in_channels=9), [GUIDED, ChannelsOnly()]
    shown = (picture() + 1) / 2
    return Outcome(
        ours(operations, model, picture=picture(), mask=box_mask()),
        sized(made, image=shown, mask_image=box_mask(), strength=1.0),
        ours(operations, model, picture=picture()),
    )


class ChannelsOnly(SoftMask):
    """A soft mask that gives the network its channels and leaves the states alone."""

    def project(self, x: Tensor, level: NoiseLevel, edit: Edit) -> Tensor:
        """The state unchanged."""
        return x


def inpaint(mask: SoftMask | None, family: str, in_channels: int) -> Outcome:
    """A box is redrawn from the noised picture; without: everything is."""
    made = pipeline(class_of(family, "Inpaint"), family, in_channels)
    model = our_model(family, in_channels)
    # The reference draws for the autoencoder's posterior before the start noise.
    given = {"picture": picture(), "noise": ReplayedNoise(SEED, earlier=[LATENT])}
    operations = [GUIDED, SDEdit(strength=0.6), mask or SoftMask()]
    return Outcome(
        ours(operations, model, mask=box_mask(), **given),
        sized(made, image=(picture() + 1) / 2, mask_image=box_mask(), strength=0.6),
        ours(operations, model, **given),
    )
