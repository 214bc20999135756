"""Which knobs are turned: every curve with its values and what is measured at each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from retouch.evaluation.editing.settings import Of, Setting, Use, Words, use


@dataclass(frozen=True)
class Curve:
    """One knob, its values, and what is measured at each.

    Attributes:
        key: unique.
        title: for people.
        knob: the operation's parameter that is turned.
        values: of it.
        operation: with the values that stay, ``knob`` left out.
        kinds: of edits.
        measures: drawn against the knob; or, with ``paired``, the first against the second.
        words: where the prompt comes from.
        masked: give the case's hole as the mask.
        series: another parameter and its values, a line for each.
        paired: draw the measures against each other, as InstructPix2Pix's figure does.
        default: the knob's own default, marked in the plot.
    """

    key: str
    title: str
    knob: str
    values: tuple[float, ...]
    operation: Use
    kinds: tuple[str, ...]
    measures: tuple[str, ...]
    words: Words = "target"
    masked: bool = False
    series: tuple[str, tuple[float, ...]] = ("", (0.0,))
    paired: bool = False
    default: float | None = None

    def setting(self, value: float, other: float) -> Setting:
        """The setting at one point."""
        name, _ = self.series
        turned: Mapping[str, object] = {self.knob: value, **({name: other} if name else {})}
        further = f"-{name}-{other:g}" if name else ""
        return Setting(
            key=f"curve-{self.key}-{self.knob}-{value:g}{further}",
            title=f"{self.title}: {value:g}",
            uses=(use(self.operation.operation, **self.operation.values, **turned),),
            words=self.words,
            masked=self.masked,
        )


CURVES: Final[tuple[Curve, ...]] = (
    Curve(
        "sdedit", "SDEdit: strength", "strength", (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        use("sdedit"), ("swap", "recolour", "background"),
        ("structure", "realism", "followed", "background_psnr"), default=0.6,
    ),
    Curve(
        "instruct", "InstructPix2Pix: text and image scale", "image_scale",
        (1.0, 1.2, 1.5, 1.8, 2.2), use("instruct_pix2pix"), ("swap", "recolour", "background"),
        ("picture_similarity", "direction_similarity", "followed"), words="instruction",
        series=("text_scale", (2.0, 3.0, 5.0, 7.5)), paired=True, default=1.5,
    ),
    Curve(
        "p2p", "Prompt-to-Prompt: window of self-attention", "self_stop",
        (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
        use("prompt_to_prompt", source_prompt=Of("source_prompt")), ("swap",),
        ("layout_iou", "present", "background_psnr"), default=0.4,
    ),
    Curve(
        "reference", "IP-Adapter: scale", "scale", (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.4),
        use("ip_adapter", images=Of("reference")), ("swap",),
        ("reference_similarity", "present"), words="none", default=0.6,
    ),
    Curve(
        "soft-mask", "Soft mask: strength", "strength", (0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0),
        use("soft_mask", method="blend"), ("swap", "recolour"),
        ("inside_change", "followed", "outside_identical"), masked=True, default=1.0,
    ),
)  # fmt: skip
