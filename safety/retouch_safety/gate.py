"""The gate: every picture passes it, and nothing else can turn Sealed into Released.

Order: shape and finite check, detectors, watermark, receipt. Whatever goes wrong on the way,
including a bug in a detector, is a refusal: a gate that fails open is no gate.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

import numpy as np

from retouch_safety.content import Box, Bytes8, Content, Inside, Pixels, bounding_box, to_8bit
from retouch_safety.detector import Detector, OpenNSFW, known_picture
from retouch_safety.errors import Refused
from retouch_safety.receipt import DetectorScores, Receipt, digest_of
from retouch_safety.sealed import GATE_CAPABILITY, Released, Sealed
from retouch_safety.watermark import Marked, mark, new_record_id, read_mark

Profile = Literal["standard", "strict"]

_THRESHOLDS: Final = {"standard": 0.5, "strict": 0.3}
_ADVICE = "Change the prompt, the picture or the strength, and try again."
_BROKEN = "Nothing was released. Run `retouch doctor`."


@dataclass(frozen=True)
class SelfTest:
    """One line of the self-test: what was checked, whether it works, and what was seen."""

    name: str
    works: bool
    detail: str


class Gate:
    """Checks and marks pictures. There is no gate without a detector, and no way round it.

    Args:
        extra_detectors: looked at in addition to Open-NSFW; they add up, none replaces another.
        profile: ``standard`` refuses from 0.5 on, ``strict`` from 0.3 on.

    Raises:
        ValueError: an unknown profile.
    """

    def __init__(
        self, extra_detectors: Sequence[Detector] = (), *, profile: Profile = "standard"
    ) -> None:
        if profile not in _THRESHOLDS:
            raise ValueError(f"profile: got {profile!r}; allowed: {', '.join(_THRESHOLDS)}")
        self._detectors: tuple[Detector, ...] = (OpenNSFW(), *extra_detectors)
        self._threshold = _THRESHOLDS[profile]
        self._tested = False
        self._lock = threading.Lock()

    def release(self, sealed: Sealed, *, record: int | None = None) -> Released:
        """Check a picture, mark it, and release it.

        Pixels of a patch are set to zero where its alpha is 0: nothing unchecked hides there.
        In a composite, pixels outside the edited area keep their bits.

        Args:
            sealed: the engine's picture; it is used up, whatever the outcome.
            record: 32-bit id, to give the composite and the patch of one edit the same; default
                a new one.

        Raises:
            Refused: a check said no, or broke; nothing was released.
            AlreadyOpened: this sealed picture was released or refused before.
            TypeError: anything but a ``Sealed``.
        """
        if type(sealed) is not Sealed:
            raise TypeError(f"the gate takes Sealed pictures, got {type(sealed)}")
        content = _own_copy(sealed._unseal(GATE_CAPABILITY))
        with _refusing("self-test"):
            self._test_once()
        inside: Inside = content.edited > 0
        scores = self._detect(content.pixels, inside)
        with _refusing("watermark"):
            chosen = new_record_id() if record is None else record
            marked = mark(content.pixels, inside, chosen)
        with _refusing("receipt"):
            return _released(content, marked, chosen, scores)

    def self_test(self) -> tuple[SelfTest, ...]:
        """Try every detector and the watermark on computed pictures, for ``retouch doctor``."""
        found = [self._try_detector(detector) for detector in self._detectors]
        return (*found, _try_watermark())

    def _try_detector(self, detector: Detector) -> SelfTest:
        try:
            detector.self_test()
        except Exception as error:  # a broken detector is a finding here, not a crash
            return SelfTest(f"detector {detector.name}", False, str(error))
        return SelfTest(f"detector {detector.name}", True, "known answer reproduced")

    def _test_once(self) -> None:
        with self._lock:
            if self._tested:
                return
            for result in self.self_test():
                if not result.works:
                    advice = f"{result.name}: {result.detail}. {_BROKEN}"
                    raise Refused("self-test", "failed", math.nan, math.nan, advice)
            self._tested = True

    def _detect(self, pixels: Pixels, inside: Inside) -> tuple[DetectorScores, ...]:
        with _refusing("detector"):
            rgb, region = to_8bit(pixels), bounding_box(inside)
            rgb.flags.writeable = False  # a detector cannot change what the next one sees
            return tuple(self._judge(detector, rgb, region) for detector in self._detectors)

    def _judge(self, detector: Detector, rgb: Bytes8, region: Box | None) -> DetectorScores:
        scores = {view: float(score) for view, score in detector.score(rgb, region).items()}
        if not scores:
            raise ValueError(f"{detector.name} returned no score")
        for score in scores.values():
            # not (score < threshold): NaN compares False and must refuse
            if not (score < self._threshold) or score < 0:
                raise Refused("detector", detector.category, score, self._threshold, _ADVICE)
        return DetectorScores(detector.name, self._threshold, scores)


def _own_copy(content: Content) -> Content:
    """Copy, so that nobody who still holds the arrays can change them after the check."""
    pixels, edited = content.pixels.copy(), content.edited.astype(np.float32)
    alpha = None if content.alpha is None else content.alpha.copy()
    for array in (pixels, edited, alpha):
        if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
            advice = "The model produced NaN or infinity. " + _BROKEN
            raise Refused("pixels", "not finite", math.nan, math.nan, advice)
    if content.form == "patch":
        edited = np.where(alpha == 0, np.float32(0), edited)
        pixels[edited <= 0] = 0
    return replace(content, pixels=pixels, edited=edited, alpha=alpha)


def _released(
    content: Content, marked: Marked, record: int, scores: tuple[DetectorScores, ...]
) -> Released:
    pixels = _immutable(marked.pixels)
    alpha = None if content.alpha is None else _immutable(content.alpha)
    receipt = Receipt(
        record=f"{record:08x}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        form=content.form,
        detectors=scores,
        mark=marked.status,
        mark_area=marked.area,
        mark_note=marked.note,
        digest=digest_of(pixels, alpha),
    )
    return Released(GATE_CAPABILITY, replace(content, pixels=pixels, alpha=alpha), receipt)


def _immutable(array: Pixels) -> Pixels:
    # backed by bytes: setting flags.writeable again raises
    return np.frombuffer(array.tobytes(), dtype=array.dtype).reshape(array.shape)


@contextmanager
def _refusing(stage: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a refusal."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        advice = f"The check itself broke ({error}). {_BROKEN}"
        raise Refused(stage, "failed", math.nan, math.nan, advice) from error


def _try_watermark() -> SelfTest:
    picture, record = known_picture(), 0x5A3C96E1
    marked = mark(picture, np.ones(picture.shape[:2], np.bool_), record)
    found = read_mark(marked.pixels).record
    works = found == record
    detail = "embedded and read back" if works else f"read {found:08x} instead of {record:08x}"
    return SelfTest("watermark dwtDctSvd", works, detail)
