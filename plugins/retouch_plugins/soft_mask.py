"""Soft mask: a per-pixel strength (differential diffusion), or a nine-channel inpainting network.

Levin & Fried 2023 (arXiv 2306.00950), algorithm 1: a pixel of strength m takes part in the last
share m of the steps; until then its state is the picture, noised to the current level:

    x_t <- where(1 - m > progress, alpha_t source + sigma_t noise, x_t)

A binary mask is RePaint-style blended inpainting. A network with 2C+1 input channels also sees the
mask and the masked picture (Rombach et al. 2022, section 4.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from retouch.operation import InputLayout, Operation, Stage
from retouch.parameters import parameter

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.denoiser import NoiseLevel
    from retouch.edit import Edit


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

    def prepare(self, edit: Edit) -> None:
        """Start from the noised picture; give an inpainting network its channels."""
        _ = edit.source
        if not edit.start.from_source:
            edit.begin(1.0)
        if edit.model.layout == "inpaint":
            self._add_channels(edit)

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
