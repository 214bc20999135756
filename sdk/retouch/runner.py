"""Runs requests on this machine: plan, edit, choose, seal, and through the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from retouch.catalog import Catalog, installed
from retouch.errors import Blocked, RetouchError
from retouch.imaging.image import Floats, Image, Mask
from retouch.imaging.patch import Patch, composite, make_patch
from retouch.plan import Plan, make_plan
from retouch.request import EditRequest
from retouch.trajectories import Step, Trajectories, run_together
from retouch_safety.errors import Refused
from retouch_safety.gate import Gate
from retouch_safety.sealed import Released, Sealed
from retouch_safety.watermark import new_record_id

if TYPE_CHECKING:
    from retouch.models.library import Library


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


#: What came of one request among several: its released variants, or why there are none.
Outcome: TypeAlias = "tuple[EditResult, ...] | RetouchError"


def ignore_step(step: Step) -> None:
    """Take no interest in progress."""


def never() -> bool:
    """Never cancel."""
    return False


class Runner:
    """One gate and one library of models on this machine; an engine per request.

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
            pictures = Trajectories(plan, loan, self.row_cap, on_step, cancelled).pictures()
        return tuple(self._release(plan, *found) for found in pictures)

    def run_all(
        self, requests: Sequence[EditRequest], *, cancelled: Callable[[], bool] = never
    ) -> list[Outcome]:
        """Run requests side by side in one engine, so that they share forwards.

        Each gives what ``run`` gives for it alone (``exact`` ones bit for bit), and each picture
        leaves through the gate. A request that fails or that the gate blocks has its error in its
        place; the others go on.

        Args:
            requests: what to do, in any combination of models and operations. All of them are
                begun at once and hold their memory until the last is done: give tens, not
                thousands.
            cancelled: asked between network calls; True ends all that has no picture yet, and
                those requests have ``Cancelled`` in their places.
        """
        plans: dict[int, Plan] = {}
        outcomes: dict[int, Outcome] = {}
        for index, request in enumerate(requests):
            try:
                plan = self.plan(request)
                if plan.region is None or plan.calls == 0:
                    outcomes[index] = self._unchanged(plan)
                else:
                    plans[index] = plan
            except RetouchError as problem:
                outcomes[index] = problem
        with self.library.borrow() as loan:
            made = run_together(list(plans.values()), loan, self.row_cap, cancelled)
        for (index, plan), found in zip(plans.items(), made, strict=True):
            try:
                outcomes[index] = (
                    found
                    if isinstance(found, RetouchError)
                    else tuple(self._release(plan, *picture) for picture in found)
                )
            except Blocked as refusal:
                outcomes[index] = refusal
        return [outcomes[index] for index in range(len(requests))]

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
            record = new_record_id()  # both forms of one edit carry the same
            sealed = (sealed_whole, sealed_patch)
            released = [s and self.gate.release(s, record=record) for s in sealed]
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
