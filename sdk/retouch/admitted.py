"""An edit that the gate has admitted: the only kind that runs, and the way out for its pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from retouch.admission_job import job_of
from retouch.candidates import Try
from retouch.errors import Blocked
from retouch.imaging.image import Floats, Image, Mask
from retouch.imaging.patch import Patch, composite, extract, extract_mask, make_patch
from retouch.imaging.seam import matched
from retouch.plan import Plan
from retouch.result import EditResult, plain
from retouch.trajectories import Step
from retouch_safety.admission import Admission
from retouch_safety.errors import Refused
from retouch_safety.gate import Gate
from retouch_safety.marking import new_record
from retouch_safety.sealed import Released, Sealed

#: What leaves of one variant: the composite and the patch, each where it was asked for.
_Forms: TypeAlias = tuple[Released | None, Released | None]


@dataclass(frozen=True, eq=False)
class Admitted:
    """A plan that may run. To make one is to ask the gate.

    So the admission is always of this very plan, also in a copy with another one.

    Attributes:
        plan: what will run.
        gate: reads every text and looks at every picture; everything leaves through it.
        job_id: id of the request in receipts and in the log; empty for a random one.
        admission: what releases need.

    Raises:
        Blocked: the gate refused it.
        InvalidField: something that the gate cannot read.
    """

    plan: Plan
    gate: Gate
    job_id: str = ""
    admission: Admission = field(init=False)

    def __post_init__(self) -> None:
        job = job_of(self.plan, self.job_id)
        with blocking():
            object.__setattr__(self, "admission", self.gate.admit(job))

    @property
    def changes_nothing(self) -> bool:
        """Strength 0 or an empty mask: no network is needed."""
        return self.plan.region is None or self.plan.calls == 0

    def unchanged(self) -> tuple[EditResult, ...]:
        """Return the document itself for every variant, bit for bit.

        Raises:
            Blocked: the gate refused all of them; the error is the first one's.
        """
        request = self.plan.request
        seeds = range(request.seed, request.seed + request.variants)
        return self.results([(None, seed, {"unchanged": True})] for seed in seeds)

    def results(self, made: Iterable[Iterable[Try]]) -> tuple[EditResult, ...]:
        """Paste working pictures into the document and release what was asked for.

        Of the tries at a variant, the best one first, the first that passes is the variant. One of
        which the gate refuses all has the first refusal in its place; the others are released.
        Where composite and patch are asked for, both must pass, or the try has neither.

        Args:
            made: the tries at every variant, their pictures at the plan's working size.

        Raises:
            Blocked: the gate refused all of them; the error is the first one's.
        """
        return some_released(
            [first_released(self.tried(*found) for found in tries) for tries in made]
        )

    def look(self, step: Step, max_side: int | None = None) -> Released | None:
        """Return a look at the edit on its way, through the gate; None where none can be had.

        The first look of an edit is blurred.

        Args:
            step: of this edit.
            max_side: longest side of the look in pixels, at most the crop's own; None: that.

        Raises:
            Blocked: the gate refused this look, at the variant ``step.variant``. Catch it: where
                ``on_step`` itself raises, the edit ends, else it goes on.
            ValueError: a step of another edit.
        """
        if step.plan is not self.plan:
            raise ValueError("look: got a step of another edit; allowed: one of this edit's own")
        if step.preview is None:
            return None
        sealed = step.preview(max_side)
        with blocking():
            return self.gate.release(sealed, self.admission)

    def tried(
        self, picture: Floats | None, seed: int, settings: Mapping[str, object]
    ) -> EditResult:
        """Paste and release one try at a variant, or say why not; see :meth:`results`."""
        try:
            forms = self._document() if picture is None else self._pasted(picture)
        except Blocked as refusal:
            return EditResult(None, None, seed, plain(settings), without_frames(refusal))
        return EditResult(*forms, seed, plain(settings))

    def _document(self) -> _Forms:
        image = self.plan.request.image
        nothing = np.zeros(image.pixels.shape[:2], np.float32)
        patch = Patch(np.zeros_like(image.pixels), nothing, 0, 0)
        return self._released(image, patch, nothing)

    def _pasted(self, picture: Floats) -> _Forms:
        image, region = self.plan.request.image, self.plan.region
        assert region is not None
        if not np.isfinite(picture).all():
            # no integer depth can hold it: the gate sees it as it is, refuses it and logs that
            with blocking():
                self.gate.release(Sealed.composite(picture), self.admission)
        if self.plan.mask is not None:
            around = extract_mask(self.plan.mask, region)
            picture = matched(picture, extract(image, region), around)
        patch = make_patch(image, picture, region, paste_alpha(self.plan.mask, image))
        changed = np.zeros(image.pixels.shape[:2], np.float32)
        changed[patch.bounds.slices] = patch.alpha
        return self._released(composite(image, patch), patch, changed)

    def _released(self, whole: Image, patch: Patch, changed: Floats) -> _Forms:
        wanted = self.plan.request.output
        sealed_whole = sealed_patch = None
        if wanted != "patch":
            sealed_whole = Sealed.composite(whole.pixels, changed, alpha=whole.alpha, icc=whole.icc)
        if wanted != "composite":
            sealed_patch = Sealed.patch(
                patch.pixels, patch.alpha, x=patch.x, y=patch.y, icc=whole.icc
            )
        record = new_record()  # both forms of one edit carry the same
        with blocking():
            released = [
                sealed and self.gate.release(sealed, self.admission, record=record)
                for sealed in (sealed_whole, sealed_patch)
            ]
        return released[0], released[1]


def first_released(results: Iterable[EditResult]) -> EditResult:
    """Of the tries at a variant the first that was released, else the first one's refusal."""
    first: EditResult | None = None
    for result in results:
        if result.refused is None:
            return result
        first = first or result
    if first is None:
        raise ValueError("results: got no try at a variant; allowed: at least one")
    return first


def some_released(results: Sequence[EditResult]) -> tuple[EditResult, ...]:
    """The variants of a request.

    Raises:
        Blocked: the gate refused all of them; the error is the first one's.
    """
    refusals = [result.refused for result in results if result.refused is not None]
    if refusals and len(refusals) == len(results):
        raise refusals[0]
    return tuple(results)


def paste_alpha(mask: Mask | None, image: Image) -> Mask:
    """How opaquely the result covers the document.

    A soft strength has already weakened the edit, so it must not weaken it again; yet a hard edge
    would show the autoencoder's seam. So alpha reaches 1 at a third of the strength.
    """
    if mask is None:
        return Mask.full(image.size)
    return Mask(np.minimum(mask.strength * 3, 1))


def without_frames(refusal: Blocked) -> Blocked:
    """Return a refusal that is kept, without the stack it came up: there are the refused pixels."""
    # An error that is raised twice can be its own context: every one is visited once.
    seen: dict[int, BaseException] = {}
    left: list[BaseException | None] = [refusal]
    while left:
        link = left.pop()
        if link is not None and id(link) not in seen:
            seen[id(link)] = link
            link.__traceback__ = None
            left += [link.__cause__, link.__context__]
    return refusal


@contextmanager
def blocking() -> Iterator[None]:
    """Turn the gate's refusal into the error that callers know.

    Raises:
        Blocked: it refused.
    """
    try:
        yield
    except Refused as refusal:
        measured = not math.isnan(refusal.score) and not math.isnan(refusal.threshold)
        raise Blocked(
            refusal.stage,
            refusal.category,
            refusal.advice,
            score=refusal.score if measured else None,
            threshold=refusal.threshold if measured else None,
            field=refusal.field,
            clause=refusal.clause,
        ) from refusal
