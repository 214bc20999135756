"""What is timed: whole edits against diffusers, regions, and network calls saved by sharing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cases import setting
from cases.clock import take_turns
from cases.networks import SIDE, our_model, their_pipeline
from cases.reference import theirs
from cases.setting import NEGATIVE, PROMPT, SCALE, SEED
from retouch.edit import Edit, EditInput
from retouch.engine.engine import Engine, Job
from retouch.engine.run import run_edit
from retouch.imaging.region import Rect, Size, plan_region
from retouch.models.model import Model
from retouch.operation import Operation
from retouch_plugins.guidance import Guidance
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask

GUIDED = Guidance(scale=SCALE)


def edit_of(model: Model, operations: list[Operation], **given: Any) -> Job:
    """A job of one edit."""
    wanted: dict[str, Any] = {"prompt": PROMPT, "negative_prompt": NEGATIVE, "seed": SEED}
    adapters: Any = None  # no operation here needs weights beside the model
    edit = Edit(EditInput(**(wanted | given)), model, adapters)
    return Job(run_edit(edit, operations, lambda progress: None), model)


def finish(job: Job) -> Tensor:
    """Run one job alone."""
    engine = Engine()
    engine.submit(job)
    engine.run()
    if job.error is not None:
        raise job.error
    assert job.result is not None
    return job.result


def against_diffusers(quick: bool, repeats: int) -> tuple[dict[str, Any], Model]:
    """Whole text-to-latents edits: ours by default, diffusers alike, diffusers by default.

    By default diffusers runs in float32 with contiguous weights.
    """
    model = our_model(quick)
    alike = their_pipeline(quick, model.dtype, model.memory_format)
    default = their_pipeline(quick, torch.float32, torch.contiguous_format)
    steps, side = (2, SIDE * 8) if not quick else (2, 128)
    size = {"height": side, "width": side, "num_inference_steps": steps}

    def ours() -> Tensor:
        return finish(edit_of(model, [GUIDED], size=(side, side), steps=steps))

    taken = take_turns(
        {
            "ours": ours,
            "diffusers_same_format": lambda: theirs(alike, **size),
            "diffusers_fp32_default": lambda: theirs(default, **size),
        },
        repeats,
    )
    mine = taken["ours"]["median"]
    results = {
        "steps": steps,
        "seconds": taken,
        "dtype": str(model.dtype),
        "overhead_vs_diffusers": mine / taken["diffusers_same_format"]["median"],
        "cpu_default_vs_diffusers_fp32": mine / taken["diffusers_fp32_default"]["median"],
    }
    return results, model


def region(model: Model, quick: bool, repeats: int) -> dict[str, Any]:
    """An edit of a tenth of a picture: as a region of it, and with the whole picture.

    Both encode, noise, denoise under a mask and decode. The canvas is twice the network's native
    side, as 1024 px is for Stable Diffusion 1.5.
    """
    native = SIDE * 8 if not quick else 64
    canvas = Size(2 * native, 2 * native)
    side = round((0.1 * canvas.width * canvas.height) ** 0.5)
    area = Rect(canvas.width // 3, canvas.height // 3, side, side)
    plan = plan_region(canvas, area, native_size=native, multiple=model.multiple)

    def at(size: Size) -> Callable[[], Tensor]:
        picture = torch.zeros(1, 3, size.height, size.width)
        mask = torch.zeros(1, 1, size.height, size.width)
        mask[..., size.height // 3 : size.height // 2, size.width // 3 : size.width // 2] = 1
        shape = (size.height, size.width)
        operations: list[Operation] = [GUIDED, SDEdit(strength=1.0), SoftMask()]
        given = {"picture": picture, "mask": mask, "steps": 1, "size": shape}
        return lambda: model.decode(finish(edit_of(model, operations, **given)))

    taken = take_turns({"region": at(plan.working), "whole": at(canvas)}, repeats)
    return {
        "canvas": tuple(canvas),
        "working": tuple(plan.working),
        "seconds": taken,
        "region_10pct_vs_full": taken["region"]["median"] / taken["whole"]["median"],
    }


def calls_saved(quick: bool) -> dict[str, Any]:
    """Seven different edits: network calls one after another, and joined mid-run."""
    model = setting.our_model()
    part = 3 if quick else 1  # of their steps

    def seven() -> list[Job]:
        source = torch.randn(setting.LATENT, generator=torch.Generator().manual_seed(9))
        known: dict[str, Any] = {"latents": source}
        different: list[tuple[list[Operation], dict[str, Any]]] = [
            ([GUIDED], {"steps": 12}),
            ([GUIDED], {"steps": 15, "sampler": "euler", "prompt": "a blue house"}),
            ([GUIDED, SDEdit(strength=0.7)], {"steps": 20, "sampler": "dpmpp_2m", **known}),
            ([GUIDED, SoftMask()], {"steps": 14, "mask": setting.ramp_mask(), **known}),
            ([GUIDED, PromptToPrompt(source_prompt="a photo of a dog")], {"steps": 12}),
            ([SDEdit(strength=0.5, repeats=2)], {"steps": 14, "sampler": "unipc", **known}),
            ([GUIDED], {"steps": 8, "sampler": "heun"}),
        ]
        return [
            edit_of(
                model,
                ops,
                size=(setting.SIZE, setting.SIZE),
                **given | {"steps": given["steps"] // part},
            )
            for ops, given in different
        ]

    alone = [count(Engine(row_cap=32), [job]) for job in seven()]
    shared = count(Engine(row_cap=32), seven())
    return {
        "alone": sum(alone),
        "shared": shared,
        "calls_saved_7_edits": 1.0 - shared / sum(alone),
    }


def count(engine: Engine, waiting: list[Job]) -> int:
    """Network calls of jobs that join one by one, a tick apart."""
    calls = 0
    while waiting or engine.active:
        if waiting:
            engine.submit(waiting.pop(0))
        calls += engine.tick().evaluations > 0
    return calls
