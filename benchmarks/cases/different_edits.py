"""Eight different edits at once in one engine, and one after another by diffusers' pipelines."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor
from torch.nn import functional as F

from cases.accelerator import Accelerator
from cases.contenders import ADAPTER_SCALE, Contenders
from cases.reference import theirs
from cases.setting import NEGATIVE, SCALE
from retouch.edit import Edit, EditInput
from retouch.engine.engine import Engine, Job, Tick
from retouch.engine.run import run_edit
from retouch.imaging.image import Image
from retouch.noise import NoiseStreams
from retouch.operation import Operation
from retouch_plugins.guidance import Guidance
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask
from retouch_plugins.t2i_adapter import T2IAdapter


@dataclass(frozen=True)
class Wanted:
    """One edit, in words that both sides understand.

    Attributes:
        task: from nothing, from the picture, under a mask, after lines, after a reference.
        sampler: ours by name; the reference gets diffusers' scheduler behind it.
        steps: of the whole schedule.
        prompt: what it should show.
        scale: of guidance.
        strength: share of the schedule that runs.
        seed: of its noise.
    """

    task: Literal["nothing", "picture", "mask", "lines", "reference"]
    sampler: str
    steps: int
    prompt: str
    scale: float = SCALE
    strength: float = 1.0
    seed: int = 0


#: Between 8 and 12 network calls each. Only what diffusers has a pipeline for.
EIGHT: tuple[Wanted, ...] = (
    Wanted("nothing", "ddim", 10, "a photo of a cat on a green hill", seed=1),
    Wanted("nothing", "euler", 12, "a blue house by the sea", scale=5.0, seed=2),
    Wanted("picture", "dpmpp_2m", 15, "a watercolour of a harbour", strength=0.6, seed=3),
    Wanted("picture", "ddim", 12, "a forest in autumn", scale=6.0, strength=0.8, seed=4),
    Wanted("mask", "euler", 10, "a red umbrella", strength=0.8, seed=5),
    Wanted("mask", "unipc", 8, "a small wooden boat", scale=4.0, seed=6),
    Wanted("lines", "unipc", 10, "a glass tower at night", seed=7),
    Wanted("reference", "ddim", 9, "a portrait in oil", scale=6.0, seed=8),
)


def job_of(known: Contenders, wanted: Wanted) -> Job:
    """Our edit; it encodes its own prompts and pictures, as the reference does."""
    operations: list[Operation] = [Guidance(scale=wanted.scale)]
    given: dict[str, Any] = {}
    side = known.making.side
    if wanted.task in ("picture", "mask"):
        operations.append(SDEdit(strength=wanted.strength))
        given["picture"] = picture(side)
    if wanted.task == "mask":
        operations.append(SoftMask())
        given["mask"] = box(side)
    if wanted.task == "lines":
        drawn = Image(lines(side))
        operations.append(
            T2IAdapter(kind="canny", image=drawn, preprocess=False, scale=ADAPTER_SCALE)
        )
    if wanted.task == "reference":
        operations.append(IPAdapter(images=(Image(reference(known)),), scale=ADAPTER_SCALE))
    edit = Edit(
        EditInput(
            prompt=wanted.prompt,
            negative_prompt=NEGATIVE,
            size=(side, side),
            steps=wanted.steps,
            sampler=wanted.sampler,
            seed=wanted.seed,
            **given,
        ),
        known.model,
        known.beside,
    )
    return Job(run_edit(edit, operations, lambda progress: None), known.model)


def reference_of(known: Contenders, wanted: Wanted) -> Callable[[], Tensor]:
    """The same edit by diffusers."""
    side = known.making.side
    size = {"height": side, "width": side}
    given: dict[str, Any] = {"num_inference_steps": wanted.steps, "guidance_scale": wanted.scale}
    if wanted.task == "picture":
        made = known.pipeline("Img2Img", wanted.sampler)
        given |= {"image": (picture(side) + 1) / 2, "strength": wanted.strength}
    elif wanted.task == "mask":
        made = known.pipeline("Inpaint", wanted.sampler)
        given |= {"image": (picture(side) + 1) / 2, "strength": wanted.strength}
        given |= {"mask_image": box(side), **size}
    elif wanted.task == "lines":
        adapter = known.beside.lines
        made = known.pipeline("Adapter", wanted.sampler, adapter=adapter.adapter)
        drawn = torch.from_numpy(lines(side).copy()).permute(2, 0, 1)[None].float() / 255
        given |= {"image": drawn[:, : adapter.in_channels], **size}
        given["adapter_conditioning_scale"] = ADAPTER_SCALE
    elif wanted.task == "reference":
        made = known.shown_pipeline(wanted.sampler)
        given |= {"ip_adapter_image": Pillow.fromarray(reference(known)), **size}
    else:
        made = known.pipeline("", wanted.sampler)
        given |= size
        noise = start_noise(known, wanted.seed)
        given["latents"] = noise.to(known.making.device, known.making.dtype)

    def run() -> Tensor:
        generator = torch.Generator().manual_seed(wanted.seed)
        return theirs(made, prompt=wanted.prompt, generator=generator, **given)

    return run


def together(
    known: Contenders, wanted: tuple[Wanted, ...], row_cap: int, ticks: list[Tick] | None = None
) -> list[Tensor]:
    """Latents of our edits, begun at once in one engine."""
    engine = Engine(row_cap=row_cap)
    jobs = [engine.submit(job_of(known, one)) for one in wanted]
    while engine.active:
        tick = engine.tick()
        if ticks is not None:
            ticks.append(tick)
    return [_result(job) for job in jobs]


def _result(job: Job) -> Tensor:
    if job.error is not None:
        raise job.error
    assert job.result is not None
    return job.result


def shorter(wanted: tuple[Wanted, ...], steps: int) -> tuple[Wanted, ...]:
    """The same edits with fewer steps."""
    return tuple(replace(one, steps=steps) for one in wanted)


def compare(
    known: Contenders,
    device: Accelerator,
    wanted: tuple[Wanted, ...],
    row_cap: int,
    repeats: int,
    seconds: float,
) -> dict[str, Any]:
    """Both ways in turns, what shared forwards are made of, and whether sharing changes results.

    Args:
        known: both sides.
        device: where they are.
        wanted: the edits.
        row_cap: of our engine.
        repeats: of the comparison, as far as they fit.
        seconds: for the repeats.
    """
    references = [reference_of(known, one) for one in wanted]
    ticks: list[Tick] = []
    shared: list[Tensor] = []
    # Both warm up here.
    bytes_ = device.working_bytes(lambda: shared.extend(together(known, wanted, row_cap, ticks)))
    rows = _rows_of(known, references)
    taken = device.take_turns(
        {
            "ours_together": lambda: together(known, wanted, row_cap),
            "diffusers_one_by_one": lambda: [run() for run in references],
        },
        repeats,
        seconds,
    )
    alone: list[Tensor] = []
    lonely = device.seconds(
        lambda: alone.extend(together(known, (one,), row_cap)[0] for one in wanted)
    )
    ours, reference = taken["ours_together"]["median"], taken["diffusers_one_by_one"]["median"]
    return {
        "seconds": taken,
        "throughput_ratio": reference / ours,
        "ours_one_by_one_seconds": lonely,
        "gain_of_sharing": lonely / ours,
        "edits_per_second": len(wanted) / ours,
        "row_cap": row_cap,
        "forwards": len(ticks),
        "rows_per_forward": sum(tick.rows for tick in ticks) / len(ticks),
        "network_rows": {"ours": sum(tick.rows for tick in ticks), "diffusers": rows},
        "edits": [f"{one.task}, {one.sampler}, {one.steps}, {one.strength}" for one in wanted],
        **_agreement(known, alone, shared),
        "working_bytes": bytes_,
    }


def _rows_of(known: Contenders, references: list[Callable[[], Tensor]]) -> int:
    """Rows that diffusers asks its networks for: the comparison is fair when they are as many."""
    counted: list[int] = []

    def count(network: Any, given: tuple[Any, ...]) -> None:
        counted.append(given[0].shape[0])

    hooks = [n.register_forward_pre_hook(count) for n in (known.parts["unet"], known.shown)]
    for run in references:
        run()
    for hook in hooks:
        hook.remove()
    return sum(counted)


def _agreement(known: Contenders, alone: list[Tensor], shared: list[Tensor]) -> dict[str, Any]:
    """Least PSNR over the edits, of latents (peak: their range) and of pictures (peak: 2)."""
    latents, pictures = [], []
    for one, other in zip(alone, shared, strict=True):
        latents.append(psnr(one, other, float(one.max() - one.min())))
        seen = [known.model.decode(latent) for latent in (one, other)]
        pictures.append(psnr(seen[0], seen[1], 2.0))
    finite = all(bool(torch.isfinite(t).all()) for t in (*alone, *shared))
    return {
        "finite": finite,
        "psnr_latents": latents,
        "psnr_pictures": pictures,
        "least_psnr_pictures": min(pictures),
        "least_psnr_latents": min(latents),
    }


def psnr(one: Tensor, other: Tensor, peak: float) -> float:
    """Peak signal-to-noise ratio in dB; 200 for equal tensors."""
    error = float((one.double() - other.double()).square().mean())
    return min(200.0, 10.0 * float(np.log10(peak * peak / max(error, 1e-300))))


def start_noise(known: Contenders, seed: int) -> Tensor:
    """What an edit of ours starts from, ``[1, C, h, w]``."""
    latent = known.making.side // known.model.factor
    return NoiseStreams(seed).normal("start", (1, known.model.latent_channels, latent, latent))


@functools.cache
def picture(side: int) -> Tensor:
    """A smooth random picture ``[1, 3, side, side]`` in [-1, 1]."""
    coarse = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(11))
    return F.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1) * 2 - 1


@functools.cache
def box(side: int) -> Tensor:
    """A mask ``[1, 1, side, side]`` of whole latents."""
    mask = torch.zeros(1, 1, side, side)
    mask[..., side // 8 : side // 2, side // 4 : side * 3 // 4] = 1
    return mask


@functools.cache
def lines(side: int) -> Any:
    """White lines on black, ``side x side x 3``, uint8."""
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[:: side // 4], pixels[:, :: side // 4] = 255, 255
    return pixels


def reference(known: Contenders) -> Any:
    """A reference picture of the size that the image encoder reads, uint8."""
    side = int(known.beside.reference.image_encoder.config.image_size)
    return np.random.default_rng(5).integers(0, 256, (side, side, 3), np.uint8)
