"""All detectors of a gate, asked as one: each verdict counts, none replaces another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from retouch_safety.content import Box, Bytes8, Pixels, to_8bit, white_of
from retouch_safety.detectors import Detector, OpenNSFW
from retouch_safety.errors import Refused
from retouch_safety.profiles import Profile
from retouch_safety.receipt import DetectorScores

#: How strict: the score from which on a detector's picture is refused.
THRESHOLDS: Final[Mapping[Profile, float]] = {"standard": 0.5, "strict": 0.3, "medical-art": 0.5}

_ADVICE: Final = "Change the prompt, the picture or the strength, and try again."


@dataclass(frozen=True)
class SelfTest:
    """One line of the self-test: what was checked, whether it works, and what was seen."""

    name: str
    works: bool
    detail: str


class DetectorPanel:
    """Open-NSFW and whatever was added to it.

    Args:
        extra: looked at in addition.
        threshold: score from which on a picture is refused.
    """

    def __init__(self, extra: Sequence[Detector], threshold: float) -> None:
        self._detectors: tuple[Detector, ...] = (OpenNSFW(), *extra)
        self.threshold = threshold

    @property
    def names(self) -> tuple[str, ...]:
        """Names and versions of all of them."""
        return tuple(detector.name for detector in self._detectors)

    def passed(
        self, pixels: Pixels, region: Box | None, alpha: Pixels | None = None
    ) -> tuple[DetectorScores, ...]:
        """Return the verdicts on a picture that may pass.

        Args:
            pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32`` where 1.0 is white.
            region: the part that is new; None to look at all of it as closely.
            alpha: H x W opacity at the same depth; what it hides or draws is looked at on white
                and on black, too. None when it says nothing.

        Raises:
            Refused: a detector says no.
            Exception: a detector is broken; the caller makes that a refusal.
        """
        looks = _looks(to_8bit(pixels), alpha)
        return tuple(self._judge(detector, looks, region) for detector in self._detectors)

    def self_test(self) -> tuple[SelfTest, ...]:
        """Try every detector on its known answer."""
        return tuple(_tried(detector) for detector in self._detectors)

    def _judge(
        self, detector: Detector, looks: Mapping[str, Bytes8], region: Box | None
    ) -> DetectorScores:
        scores: dict[str, float] = {}
        for look, rgb in looks.items():
            found = detector.score(rgb, region)
            if not found:
                raise ValueError(f"{detector.name} returned no score")
            scores |= {f"{view}{look}": float(score) for view, score in found.items()}
        for score in scores.values():
            # not (score < threshold): NaN compares False and must refuse
            if not (score < self.threshold) or score < 0:
                raise Refused("detector", detector.category, score, self.threshold, _ADVICE)
        return DetectorScores(detector.name, self.threshold, scores)


def _looks(rgb: Bytes8, alpha: Pixels | None) -> dict[str, Bytes8]:
    """Return how a picture may be seen: as it is, and where it is not opaque on white and black."""
    looks = {"": rgb}
    if alpha is not None and bool((alpha < white_of(alpha)).any()):
        opacity = (alpha.astype(np.float32) / np.float32(white_of(alpha)))[..., None]
        for name, ground in ((" on white", 255), (" on black", 0)):
            looks[name] = np.rint(rgb * opacity + ground * (1 - opacity)).astype(np.uint8)
    for look in looks.values():
        look.flags.writeable = False  # a detector cannot change what the next one sees
    return looks


def _tried(detector: Detector) -> SelfTest:
    try:
        detector.self_test()
    except Exception as error:  # a broken detector is a finding here, not a crash
        return SelfTest(f"detector {detector.name}", False, str(error))
    return SelfTest(f"detector {detector.name}", True, "known answer reproduced")
