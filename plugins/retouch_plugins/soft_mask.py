"""Soft mask: a per-pixel strength (differential diffusion), or a nine-channel inpainting network.

Levin & Fried 2023 (arXiv 2306.00950), algorithm 1: a pixel of strength m takes part in the last
share m of the steps; until then its state is the picture, noised to the current level:

    x_t <- where(1 - m > progress, alpha_t source + sigma_t noise, x_t)

A binary mask is RePaint-style blended inpainting. A network with 2C+1 input channels also sees the
mask and the masked picture (Rombach et al. 2022, section 4.5): it knows what it fills in, so it is
taken by default where something is to be filled in completely, and starts there from pure noise.
What starts from the picture (SDEdit below strength 1, a mask of greys, the source lane of
Prompt-to-Prompt) keeps the model that was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from retouch.errors import CannotCombine
from retouch.operation import InputLayout, Operation, Stage
from retouch.parameters import parameter
from retouch.plan import layout_of

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.denoiser import NoiseLevel
    from retouch.edit import Edit
    from retouch.imaging.image import Mask
    from retouch.plan import Plan
    from retouch.request import EditRequest


@dataclass(frozen=True, kw_only=True)
class SoftMask(Operation):
    """Edit only where the mask says, and only as strongly."""

    name: ClassVar[str] = "soft_mask"
    stage: ClassVar[Stage] = Stage.PROJECTION
    summary: ClassVar[str] = "Edit each pixel only as strongly as the mask says"
    source: ClassVar[str] = "Levin & Fried 2023 (arXiv 2306.00950), algorithm 1"
    provides: ClassVar[tuple[InputLayout, ...]] = ("inpaint",)

    strength: float = parameter(
        1.0, "Multiplies the mask: the greatest strength of any pixel.", low=0.0, high=1.0
    )
    method: Literal["auto", "inpaint", "blend"] = parameter(
        "auto",
        "Fill with a network that sees mask and surroundings (inpaint), or blend what the plain "
        "one makes (blend); auto fills when the whole schedule runs and a network for it is there.",
    )

    def prefers(
        self, request: EditRequest, operations: Sequence[Operation]
    ) -> tuple[InputLayout, ...]:
        """The nine-channel sibling, where the masked area is made anew."""
        if self.method == "blend":
            return ("plain", "picture")
        return ("inpaint",) if self.method == "inpaint" or self._fills(request, operations) else ()

    def _fills(self, request: EditRequest, operations: Sequence[Operation]) -> bool:
        """Whether nothing of what the mask covers is to be kept."""
        whole = all(known.schedule() in (None, (1.0, 1)) for known in operations)
        alone = all(known.lanes() == 1 for known in operations)
        graded = request.mask is not None and _is_graded(request.mask)
        return self.strength == 1.0 and whole and alone and not graded

    def check(self, plan: Plan) -> None:
        """The network must be of the kind that was asked for."""
        inpaints = layout_of(plan.geometry) == "inpaint"
        if self.method == "auto" or inpaints == (self.method == "inpaint"):
            return
        kind = "an inpainting network" if inpaints else "no inpainting network"
        raise CannotCombine(
            f"soft_mask.method={self.method} with model {plan.model.name!r}",
            f"it is {kind}, and there is no sibling of the other kind for these operations",
            "set method to auto, or name another model",
        )

    def prepare(self, edit: Edit) -> None:
        """Start from the noised picture; give an inpainting network its channels."""
        _ = edit.source
        if edit.model.layout == "inpaint":
            self._add_channels(edit)
            if self.strength == 1.0:
                if (edit.start.strength, edit.start.repeats) == (1.0, 1):
                    # What it fills starts from pure noise, as in its training and in diffusers.
                    edit.start = replace(edit.start, from_source=False)
                return
        if not edit.start.from_source:
            edit.begin(1.0)

    def _add_channels(self, edit: Edit) -> None:
        import torch

        from retouch.models.model import area_mask

        picture = edit.picture
        mask = edit.input.mask
        if mask is None:
            mask = torch.ones(1, 1, *edit.input.size)
        hole = (mask >= 0.5).to(picture.dtype)
        shown = edit.model.encode_picture(picture * (1.0 - hole))
        seen = (area_mask(hole, edit.latent_size) >= 0.5).to(shown)
        edit.condition = replace(edit.condition, channels=torch.cat([seen, shown], dim=1))

    def project(self, x: Tensor, level: NoiseLevel, edit: Edit) -> Tensor:
        """Put the noised picture back where the mask does not allow an edit yet."""
        mask = edit.latent_mask
        keep = 1.0 - self.strength if mask is None else 1.0 - self.strength * mask
        if isinstance(keep, float):
            keep = edit.source.new_full((), keep)
        frozen = (keep > level.progress) | (keep >= 1.0)
        known = level.alpha * edit.source + level.sigma * edit.start_noise()
        return known.where(frozen, x)


def _is_graded(mask: Mask) -> bool:
    """Whether at most half of what a mask touches is full: strengths to keep, not soft edges."""
    full, touched = mask.strength >= 0.9, mask.strength > 0.1
    return 2 * int(full.sum()) <= int(touched.sum())
