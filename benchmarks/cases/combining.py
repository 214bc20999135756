"""Any operations together in one edit, alone or in a batch with quite different edits."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from cases.beside import beside, lines, references
from cases.setting import LATENT, NEGATIVE, PROMPT, SEED, SIZE, our_model, picture, ramp_mask
from retouch.edit import Edit, EditInput
from retouch.engine.engine import Engine, Job
from retouch.engine.run import run_edit
from retouch.models.model import Model
from retouch.operation import Operation, Stage
from retouch_plugins.best_of import BestOf
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask
from retouch_plugins.t2i_adapter import T2IAdapter

STEPS = 6
#: Moderate scales: a random network multiplies rounding by its guidance, see cases/setting.py.
SCALE = 3.0
NAMES = (
    "guidance",
    "sdedit",
    "instruct_pix2pix",
    "soft_mask",
    "prompt_to_prompt",
    "ip_adapter",
    "t2i_adapter",
    "best_of",
)
BEFORE = "a photo of a dog on a red hill"


@dataclass(frozen=True, kw_only=True)
class NoPicture(Operation):
    """Stands in for an operation that fed the network's extra channels: nothing to see."""

    name: ClassVar[str] = "no_picture"
    stage: ClassVar[Stage] = Stage.CONDITION
    summary: ClassVar[str] = "Empty extra channels"
    source: ClassVar[str] = "none"

    def prepare(self, edit: Edit) -> None:
        """Give the network zeros."""
        extra = edit.model.input_channels - edit.model.latent_channels
        blank = torch.zeros(1, extra, *edit.latent_size)
        edit.condition = replace(edit.condition, channels=blank)


@dataclass(frozen=True)
class Mix:
    """Names of operations in one edit, in the order of the request.

    Attributes:
        names: which operations.
        in_channels: of the model; 8 when InstructPix2Pix is among those compared.
        invert: whether Prompt-to-Prompt changes the given picture; inverted, seeds do not matter.
        seed: of the edit.
    """

    names: tuple[str, ...]
    in_channels: int = 4
    invert: bool = True
    seed: int = SEED

    def without(self, name: str) -> Mix:
        """The same edit less one operation."""
        return replace(self, names=tuple(n for n in self.names if n != name))

    def operations(self) -> list[Operation]:
        """The operations themselves; the network's extra channels are always fed."""
        made = [operation(name, self.invert) for name in self.names]
        fed = {8: "instruct_pix2pix", 9: "soft_mask"}.get(self.in_channels)
        return [*made, NoPicture()] if fed and fed not in self.names else made

    def model(self) -> Model:
        """The model."""
        return our_model(in_channels=self.in_channels, deep=False)


def operation(name: str, invert: bool) -> Operation:
    """One operation with settings that have an effect."""
    made: dict[str, Operation] = {
        "guidance": Guidance(scale=SCALE),
        "sdedit": SDEdit(strength=0.7),
        "instruct_pix2pix": InstructPix2Pix(text_scale=SCALE, image_scale=1.5),
        "soft_mask": SoftMask(),
        "prompt_to_prompt": PromptToPrompt(source_prompt=BEFORE, invert=invert),
        "ip_adapter": IPAdapter(images=references(), scale=0.7),
        "t2i_adapter": T2IAdapter(kind="canny", image=lines(), preprocess=False, scale=0.7),
        "best_of": BestOf(n=3),
    }
    return made[name]


def source() -> Tensor:
    """Latents of unit variance, as trained autoencoders give; a random one's are a tenth of that.

    Inverting those would start where normalisation multiplies every rounding.
    """
    return torch.randn(LATENT, generator=torch.Generator().manual_seed(9))


def jobs_of(mix: Mix) -> tuple[list[Edit], list[Job]]:
    """An edit per candidate and its job."""
    operations = mix.operations()
    count = max((o.candidates() for o in operations), default=1)
    edits, jobs = [], []
    for candidate in range(count):
        given = EditInput(
            prompt=PROMPT,
            negative_prompt=NEGATIVE,
            size=(SIZE, SIZE),
            steps=STEPS,
            seed=mix.seed + candidate,
            picture=picture(),
            latents=source(),
            mask=ramp_mask(),
        )
        adapters: Any = beside(deep=False)
        edit = Edit(given, mix.model(), adapters)
        edits.append(edit)
        jobs.append(Job(run_edit(edit, operations, lambda progress: None), mix.model()))
    return edits, jobs


def complete(mix: Mix, mates: Sequence[Mix] = ()) -> Tensor:
    """Latents of the edit, run together with its mates; the chosen candidate's when ranked."""
    edits, jobs = jobs_of(mix)
    others = [job for mate in mates for job in jobs_of(mate)[1]]
    engine = Engine(row_cap=64)
    for job in [*others[:1], *jobs, *others[1:]]:
        engine.submit(job)
        if mates:
            engine.tick()  # nobody is at the same step
    engine.run()
    results = []
    for job in jobs:
        if job.error is not None:
            raise job.error
        assert job.result is not None
        results.append(job.result)
    return results[chosen(mix, edits, results)]


def chosen(mix: Mix, edits: Sequence[Edit], results: Sequence[Tensor]) -> int:
    """Index of the candidate that is kept."""
    ranking = [o for o in mix.operations() if o.candidates() > 1]
    if not ranking:
        return 0
    pictures = [edits[0].model.decode(r)[0] / 2 + 0.5 for r in results]
    return ranking[0].choose(pictures, edits[0])


@functools.cache
def alone(mix: Mix) -> Tensor:
    """``complete`` without mates, remembered."""
    return complete(mix)


def mates_of(mix: Mix) -> list[Mix]:
    """Quite different edits on the same model."""
    first = {8: "instruct_pix2pix", 9: "soft_mask"}.get(mix.in_channels, "ip_adapter")
    return [
        Mix(("guidance", first), mix.in_channels, seed=40),
        Mix(("guidance", "prompt_to_prompt", first), mix.in_channels, seed=41),
        Mix(("t2i_adapter", "sdedit", first), mix.in_channels, seed=42),
    ]


def decided(mix: Mix) -> Mix:
    """With a ranking: the first seed for which it prefers another candidate than the first."""
    if "best_of" not in mix.names:
        return mix
    for seed in range(mix.seed, mix.seed + 10):
        tried = replace(mix, seed=seed)
        first = alone(tried.without("best_of"))
        if float((alone(tried) - first).abs().max()) > 0.01:  # another one, not another rounding
            return tried
    return mix
