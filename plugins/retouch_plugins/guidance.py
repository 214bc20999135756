"""Guidance: extrapolate from an answer without something to the answer with it.

Classifier-free guidance (Ho & Salimans 2022, eq. 6) and its N-way form (Liu et al. 2022, eq. 11):

    x0 = D(c_0) + sum_k s_k (D(c_k) - D(c_{k-1}))

c_0 has everything dropped; every delta adds its part back, in order. Intervals: Kynkäänniemi et
al. 2024. Rescale: Lin et al. 2023, section 3.4. Branches whose weight is zero, or whose condition
equals its predecessor's, are not run.

A network distilled with guidance (Luo et al. 2023, arXiv 2310.04378, section 4.2) is told the
prompt's scale instead; it has no branch without the prompt, and so no negative prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from retouch.denoiser import gather
from retouch.models.family import GUIDANCE
from retouch.operation import Operation, Stage, in_window
from retouch.parameters import parameter, parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from retouch.denoiser import Condition, Denoiser, Flow, NoiseLevel
    from retouch.edit import Delta, Edit
    from retouch.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Guidance(Operation):
    """Follow the prompt (and every other guided part) more strongly than the network would."""

    name: ClassVar[str] = "guidance"
    stage: ClassVar[Stage] = Stage.GUIDANCE
    summary: ClassVar[str] = "Follow the prompt more strongly; avoid the negative prompt"
    source: ClassVar[str] = "Ho & Salimans 2022 (arXiv 2207.12598), eq. 6"

    scale: float | None = parameter(
        None,
        "How strongly to follow the prompt; unset takes another operation's (InstructPix2Pix's "
        "text scale), else the model's own default.",
        low=0.0,
        high=50.0,
        guides=True,
    )
    start: float = parameter(
        0.0, "Guide from here on.", low=0.0, high=1.0, unit="fraction of progress"
    )
    stop: float = parameter(
        1.0, "Guide until here.", low=0.0, high=1.0, unit="fraction of progress"
    )
    rescale: float = parameter(
        0.0, "Pull contrast back to the unguided answer's: 0 off, 1 fully.", low=0.0, high=1.0
    )

    def branches(self) -> int:
        """One more than the prompt's own, unless guidance is off."""
        return 0 if self.scale == 1.0 else 1

    def settled(self, plan: Plan) -> Guidance:
        """With the scale that is taken, unless another operation brings it."""
        others = (type(other) for other in plan.operations if other is not self)
        theirs = any(known.guides for other in others for known in parameters_of(other))
        return (
            self
            if theirs or self.scale is not None
            else replace(self, scale=plan.geometry.guidance)
        )

    def prepare(self, edit: Edit) -> None:
        """Set the prompt delta."""
        if self.scale is not None:
            edit.guide("prompt", self.scale, self.start, self.stop)
        elif (self.start, self.stop) != (0.0, 1.0):
            edit.guide("prompt", edit.deltas["prompt"].scale, self.start, self.stop)
        if edit.input.negative_prompt:
            if edit.model.takes_guidance:
                edit.notes["guidance.negative_prompt"] = "not used: this model has no branch for it"
            elif edit.deltas["prompt"].scale == 1.0:
                edit.notes["guidance.negative_prompt"] = "not used: the guidance scale is 1"

    def denoise(self, inner: Denoiser, edit: Edit) -> Denoiser:
        """Ask for all branches at once, so that they share a forward."""

        def denoise(x: Tensor, level: NoiseLevel, condition: Condition) -> Flow:
            deltas = dict(edit.deltas)
            if GUIDANCE in condition.vectors:
                condition = tell(condition, deltas.pop("prompt"), level)
            branches = weigh(deltas.values(), condition, level)
            answers = yield from gather(*(inner(x, level, c) for _, c in branches))
            combined = answers[0] * branches[0][0]
            for (weight, _), answer in zip(branches[1:], answers[1:], strict=True):
                combined = combined + weight * answer
            if self.rescale > 0.0 and len(answers) > 1:
                combined = _rescale(combined, answers[-1], self.rescale)
            return combined

        return denoise


def tell(condition: Condition, delta: Delta, level: NoiseLevel) -> Condition:
    """The condition with the scale that holds at ``level`` as an input of the network."""
    scale = delta.scale if in_window(level, delta.start, delta.stop) else 1.0
    told = condition.vectors[GUIDANCE]
    vectors = {**condition.vectors, GUIDANCE: told.new_full(told.shape, scale)}
    return replace(condition, vectors=vectors)


def weigh(
    deltas: Iterable[Delta], condition: Condition, level: NoiseLevel
) -> list[tuple[float, Condition]]:
    """Branches to run with their weights, the fullest condition last.

    The weight of c_k is s_k - s_{k+1} (with s_0 = 1 and nothing after the last); a delta outside
    its window has scale 1.
    """
    known = list(deltas)
    scales = [d.scale if in_window(level, d.start, d.stop) else 1.0 for d in known]
    conditions = [condition]
    for delta in reversed(known):
        fewer = conditions[0]
        for drop in delta.drops:
            fewer = drop(fewer)
        conditions.insert(0, fewer)
    scales = [1.0, *scales]
    weights = [s - n for s, n in zip(scales, [*scales[1:], 0.0], strict=True)]
    merged: list[tuple[float, Condition]] = []
    for weight, known_condition in zip(weights, conditions, strict=True):
        if merged and merged[-1][1] is known_condition:
            weight += merged.pop()[0]
        merged.append((weight, known_condition))
    return [branch for branch in merged if branch[0] != 0.0] or [(1.0, condition)]


def _rescale(combined: Tensor, full: Tensor, share: float) -> Tensor:
    dims = tuple(range(1, combined.ndim))
    ratio = full.std(dims, keepdim=True) / combined.std(dims, keepdim=True)
    return combined * (share * ratio + (1.0 - share))
