"""InstructPix2Pix: edit after an instruction, with two guidance scales.

Brooks et al. 2023 (arXiv 2211.09800), eq. 3, for a network that also sees the picture's latents:

    x0 = D(0, 0) + s_I (D(c_I, 0) - D(0, 0)) + s_T (D(c_I, c_T) - D(c_I, 0))

c_I is the picture, c_T the instruction (the prompt).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from retouch.edit import Delta
from retouch.operation import InputLayout, Operation, Stage
from retouch.parameters import parameter

if TYPE_CHECKING:
    from retouch.denoiser import Condition
    from retouch.edit import Edit
    from retouch.plan import Plan


@dataclass(frozen=True, kw_only=True)
class InstructPix2Pix(Operation):
    """Follow an instruction such as "make it night"."""

    name: ClassVar[str] = "instruct_pix2pix"
    stage: ClassVar[Stage] = Stage.CONDITION
    summary: ClassVar[str] = "Edit the picture after an instruction"
    source: ClassVar[str] = "Brooks et al. 2023 (arXiv 2211.09800), eq. 3"
    layouts: ClassVar[tuple[InputLayout, ...]] = ("picture",)
    provides: ClassVar[tuple[InputLayout, ...]] = ("picture",)

    text_scale: float | None = parameter(
        None,
        "How strongly to follow the instruction; unset takes the model's own default.",
        low=0.0,
        high=50.0,
        guides=True,
    )
    image_scale: float = parameter(
        1.5, "How strongly to keep the picture; 1 to 2.5 is usual.", low=0.0, high=20.0
    )

    def branches(self) -> int:
        """The branch with the picture but without the instruction."""
        return 0 if self.image_scale == 1.0 else 1

    def settled(self, plan: Plan) -> InstructPix2Pix:
        """With the scale that is taken."""
        scale = plan.geometry.guidance if self.text_scale is None else self.text_scale
        return replace(self, text_scale=scale)

    def prepare(self, edit: Edit) -> None:
        """Add the picture as channels and its delta before the prompt's."""
        # The picture's channels are unscaled: that is what the published networks were trained on.
        channels = edit.model.encode_picture(edit.picture, scaled=False)
        blank = channels.new_zeros(()).expand_as(channels)

        def without_picture(condition: Condition) -> Condition:
            return replace(condition, channels=blank)

        edit.condition = replace(edit.condition, channels=channels)
        scale = edit.default_guidance if self.text_scale is None else self.text_scale
        edit.guide("prompt", scale)
        edit.add_delta_before(
            "prompt", Delta("picture", self.image_scale, drops=(without_picture,))
        )
