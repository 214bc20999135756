"""The measures of the editing yardstick: what they are called, which way is better, where from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        title: for people.
        unit: ``%`` for shares, ``dB``, ``s`` or nothing.
        better: which way.
        about: what is measured, in one sentence.
        digits: after the point, as shown.
    """

    title: str
    unit: str
    better: Literal["up", "down"]
    about: str
    digits: int = 2

    @property
    def share(self) -> bool:
        """Whether it is a share of cases."""
        return self.unit == "%"

    def text(self, value: float) -> str:
        """A value for people, without its unit."""
        return f"{value * 100:.1f}" if self.share else f"{value:.{self.digits}f}"


#: A case's mean measures and yes-or-no measures, by key.
MEASURES: Final[Mapping[str, Measure]] = MappingProxyType({
    "followed": Measure(
        "edit is there", "%", "up",
        "The judge sees what was asked for: the new object and not the old one, the colour, the "
        "place, the time of day, the season, the number, the size or the position."),
    "present": Measure(
        "object present", "%", "up", "The judge sees the wanted object, whatever else there is."),
    "present_inside": Measure(
        "object in the mask", "%", "up",
        "The judge sees the wanted object with its centre inside of the mask."),
    "structure": Measure(
        "structure distance", "", "down",
        "Distance of the self-similarities of deep features of the picture before and the result "
        "(Tumanyan et al. 2022, as PIE-Bench uses it, with the judge in DINO's place), times "
        "1000.", 1),
    "background_psnr": Measure(
        "background PSNR", "dB", "up",
        "Outside of the exact edit mask grown by 4 px of 128, against the picture before.", 1),
    "background_ssim": Measure("background SSIM", "", "up", "The same region; 1 is unchanged.", 3),
    "background_distance": Measure(
        "background distance", "", "down",
        "The same region; perceptual distance on the judge's features.", 3),
    "target_distance": Measure(
        "distance to the exact answer", "", "down",
        "Perceptual distance to the exact target picture, on the judge's features.", 3),
    "target_psnr": Measure("PSNR to the exact answer", "dB", "up", "The whole picture.", 1),
    "outside_identical": Measure(
        "outside bit-identical", "%", "up", "Every pixel where the mask is 0 kept its bits."),
    "inside_change": Measure(
        "change in the mask", "", "up",
        "Mean absolute difference to the picture before where the mask is above 0, 0 to 1.", 3),
    "layout_iou": Measure(
        "layout IoU", "", "up",
        "Where the judge sees objects in the result, against the exact target's objects."),
    "edge_iou": Measure(
        "edge IoU", "", "up",
        "Canny edges of the result against those of the control picture, 1 px of tolerance."),
    "palette_distance": Measure(
        "palette distance", "", "down",
        "Mean absolute difference of the 8 by 8 colour cells to those of the control picture.", 3),
    "reference_similarity": Measure(
        "similarity to the reference", "", "up",
        "Cosine of the CLIP embeddings of the result and the reference picture."),
    "picture_similarity": Measure(
        "similarity to the picture", "", "up",
        "Cosine of the CLIP embeddings of the result and the picture before."),
    "text_similarity": Measure(
        "similarity to the words", "", "up",
        "Cosine of the CLIP embeddings of the result and the target prompt."),
    "direction_similarity": Measure(
        "direction similarity", "", "up",
        "Cosine of the change of the picture's and of the words' CLIP embeddings (Gal et al. "
        "2021)."),
    "autoencoder_psnr": Measure(
        "PSNR to the autoencoder's picture", "dB", "up",
        "Against what the autoencoder alone makes of the picture before.", 1),
    "realism": Measure(
        "realism distance", "", "down",
        "Kernel distance of the judge's features between results and real scenes, times 1000 "
        "(Binkowski et al. 2018; the autoencoder alone and chance stand beside it).", 1),
    "refused": Measure("refused by the gate", "%", "down", "Counted as not there."),
    "seconds": Measure("time of an edit", "s", "down", "Wall time, the gate included."),
})  # fmt: skip
