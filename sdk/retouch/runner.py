"""Runs requests on this machine: plan, edit, choose, seal, and through the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from retouch.catalog import Catalog, installed
from retouch.errors import Blocked, Cancelled
from retouch.imaging.image import (
    Floats,
    Image,
    Mask,
    check_same_size,
    from_model_range,
    to_model_range,
)
from retouch.imaging.patch import Patch, composite, extract, extract_mask, make_patch, resize
from retouch.operation import Operation
from retouch.parameters import parameters_of
from retouch.plan import Plan, make_plan
from retouch.request import EditRequest
from retouch_safety.errors import Refused
from retouch_safety.gate import Gate
from retouch_safety.sealed import Released, Sealed

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.edit import Edit
    from retouch.engine.engine import Engine, Job
    from retouch.models.library import Library, Loan
    from retouch.models.model import Model


@dataclass(frozen=True, slots=True)
class Step:
    """How far a request is: network calls done of all, over all its trajectories."""

    done: int
    total: int


@dataclass(frozen=True, eq=False)
class EditResult:
    """One variant, released by the gate.

    Attributes:
        composite: the whole picture, or None when only a patch was asked for.
        patch: the changed piece with its alpha, or None.
        seed: what made it.
        settings: effective settings, to replay it.
    """

    composite: Released | None
    patch: Released | None
    seed: int
    settings: Mapping[str, object]


def ignore_step(step: Step) -> None:
    """Take no interest in progress."""


def never() -> bool:
    """Never cancel."""
    return False


class Runner:
    """One engine, one gate and one library of models on this machine.

    Args:
        library: where models come from.
        gate: what every picture leaves through.
        catalog: operations; those installed by default.
        row_cap: most rows in one forward.
    """

    def __init__(
        self,
        library: Library,
        gate: Gate | None = None,
        *,
        catalog: Catalog | None = None,
        row_cap: int = 16,
    ) -> None:
        self.library = library
        self.gate = gate or Gate()
        self.catalog = catalog or installed()
        self.row_cap = row_cap

    def plan(self, request: EditRequest) -> Plan:
        """What would run; loads nothing. Raises as ``make_plan``."""
        return make_plan(request, self.catalog)

    def run(
        self,
        request: EditRequest,
        *,
        on_step: Callable[[Step], None] = ignore_step,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[EditResult, ...]:
        """Run one request to its released variants.

        Args:
            request: what to do.
            on_step: told after every network call.
            cancelled: asked between network calls; True ends the edit.

        Raises:
            RetouchError: see ``retouch.errors``; nothing is released then.
        """
        plan = self.plan(request)
        if plan.region is None or plan.calls == 0:
            return self._unchanged(plan)
        with self.library.borrow() as loan:
            pictures = _Run(plan, loan, self.row_cap, on_step, cancelled).pictures()
        return tuple(self._release(plan, *found) for found in pictures)

    def _unchanged(self, plan: Plan) -> tuple[EditResult, ...]:
        """Strength 0 or an empty mask: the document itself, bit for bit, through the gate."""
        image = plan.request.image
        nothing = np.zeros(image.pixels.shape[:2], np.float32)
        seeds = range(plan.request.seed, plan.request.seed + plan.request.variants)
        patch = Patch(np.zeros_like(image.pixels), nothing, 0, 0)
        return tuple(
            self._released(plan, image, patch, nothing, seed, {"unchanged": True}) for seed in seeds
        )

    def _release(
        self, plan: Plan, picture: Floats, seed: int, settings: Mapping[str, object]
    ) -> EditResult:
        image = plan.request.image
        assert plan.region is not None
        alpha = paste_alpha(plan.mask, image)
        patch = make_patch(image, picture, plan.region, alpha)
        changed = np.zeros(image.pixels.shape[:2], np.float32)
        changed[patch.bounds.slices] = patch.alpha
        return self._released(plan, composite(image, patch), patch, changed, seed, settings)

    def _released(
        self,
        plan: Plan,
        whole: Image,
        patch: Patch,
        changed: Floats,
        seed: int,
        settings: Mapping[str, object],
    ) -> EditResult:
        wanted = plan.request.output
        sealed_whole = sealed_patch = None
        if wanted != "patch":
            sealed_whole = Sealed.composite(whole.pixels, changed, alpha=whole.alpha, icc=whole.icc)
        if wanted != "composite":
            sealed_patch = Sealed.patch(
                patch.pixels, patch.alpha, x=patch.x, y=patch.y, icc=whole.icc
            )
        try:
            released = [s and self.gate.release(s) for s in (sealed_whole, sealed_patch)]
        except Refused as refusal:
            raise Blocked(refusal.stage, refusal.category, refusal.advice) from refusal
        return EditResult(released[0], released[1], seed, settings)


def paste_alpha(mask: Mask | None, image: Image) -> Mask:
    """How opaquely the result covers the document.

    A soft strength has already weakened the edit, so it must not weaken it again; yet a hard edge
    would show the autoencoder's seam. So alpha reaches 1 at a third of the strength.
    """
    if mask is None:
        return Mask.full(image.size)
    return Mask(np.minimum(mask.strength * 3, 1))


def onto_working(operation: Operation, plan: Plan) -> Operation:
    """The operation with what lies over the document cropped and scaled to the working picture.

    Raises:
        InvalidImage: a mask of another size than the document.
    """
    image, region = plan.request.image, plan.region
    assert region is not None
    moved: dict[str, Image | Mask] = {}
    for known in parameters_of(type(operation)):
        value = getattr(operation, known.name)
        if not known.aligned or value is None:
            continue
        if isinstance(value, Mask):
            check_same_size(image, value)
            moved[known.name] = Mask(extract_mask(value, region))
        else:
            # A control picture may have another resolution: it is stretched over the document.
            over = resize(value.unit(), image.size).clip(0, 1)
            moved[known.name] = Image(extract(Image(over), region))
    return replace(operation, **moved) if moved else operation


class _Run:
    """The engine's part of one request."""

    def __init__(
        self,
        plan: Plan,
        loan: Loan,
        row_cap: int,
        on_step: Callable[[Step], None],
        cancelled: Callable[[], bool],
    ) -> None:
        from retouch.engine.engine import Engine

        self.plan = plan
        self.loan = loan
        self.on_step = on_step
        self.cancelled = cancelled
        self.operations: list[Operation] = []
        self.engine: Engine = Engine(row_cap=max(row_cap, plan.rows))

    def pictures(self) -> list[tuple[Floats, int, Mapping[str, object]]]:
        """Working pictures of all variants with their seeds and settings."""
        model = self.loan.model(self.plan.model.name)
        request = self.plan.request
        count = request.variants * self.plan.candidates
        self.operations = [onto_working(operation, self.plan) for operation in self.plan.operations]
        edits = [self._edit(model, request.seed + i) for i in range(count)]
        latents = self._advance(edits, model)
        decoded = [model.decode(found)[0] for found in latents]
        chosen = []
        for first in range(0, count, self.plan.candidates):
            group = slice(first, first + self.plan.candidates)
            best = first + self._choose(decoded[group], edits[first])
            picture = from_model_range(decoded[best].numpy())
            chosen.append((picture, edits[best].input.seed, edits[best].describe()))
        return chosen

    def _edit(self, model: Model, seed: int) -> Edit:
        import torch

        from retouch.edit import Edit, EditInput

        plan, request = self.plan, self.plan.request
        assert plan.region is not None
        picture = torch.from_numpy(to_model_range(extract(request.image, plan.region)))[None]
        mask = None
        if plan.mask is not None:
            mask = torch.from_numpy(extract_mask(plan.mask, plan.region))[None, None]
        height, width = picture.shape[-2:]
        return Edit(
            EditInput(
                prompt=request.prompt,
                negative_prompt=request.negative_prompt,
                size=(height, width),
                picture=picture,
                mask=mask,
                steps=plan.steps,
                sampler=plan.sampler,
                seed=seed,
            ),
            model,
            self.loan,
        )

    def _advance(self, edits: Sequence[Edit], model: Model) -> list[Tensor]:
        from retouch.engine.engine import Job
        from retouch.engine.run import Progress, run_edit

        done = [0] * len(edits)
        jobs: list[Job] = []

        def watch(index: int) -> Callable[[Progress], None]:
            def progress(state: Progress) -> None:
                done[index] = state.done
                self.on_step(Step(sum(done), state.total * len(edits)))

            return progress

        try:
            for index, edit in enumerate(edits):
                flow = run_edit(edit, self.operations, watch(index))
                job = Job(flow, model, exact=self.plan.request.exact)
                jobs.append(job)
                self.engine.submit(job)
            self.engine.run(until=lambda: self.cancelled() or any(j.error for j in jobs))
        finally:
            for job in jobs:
                self.engine.cancel(job)
        return [_outcome(job) for job in sorted(jobs, key=_failed_first)]

    def _choose(self, pictures: Sequence[Tensor], edit: Edit) -> int:
        if len(pictures) == 1:
            return 0
        for operation in self.operations:
            if operation.candidates() > 1:
                return operation.choose([(p + 1) / 2 for p in pictures], edit)
        return 0


def _failed_first(job: Job) -> bool:
    """Real errors before the cancellations they caused; order is otherwise kept."""
    return not (job.error is not None and not isinstance(job.error, Cancelled))


def _outcome(job: Job) -> Tensor:
    if job.error is not None:
        raise job.error
    assert job.result is not None
    return job.result
