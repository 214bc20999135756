"""Pictures that a request brings along: what they show, and whose marks they carry.

Text filters never see them, so they pass the detectors like results do. One document is edited
many times: what was found in a picture is remembered by the digest of its pixels.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Final

from retouch_safety import marking
from retouch_safety.color_profile import shown
from retouch_safety.detector_panel import DetectorPanel
from retouch_safety.errors import Refused
from retouch_safety.installation import Installation
from retouch_safety.job import InputPicture, Job
from retouch_safety.receipt import Ingredient
from retouch_safety.refusal import refusing

_REMEMBERED: Final = 256  # pictures


class InputCheck:
    """Looks at input pictures, each once.

    Args:
        panel: the gate's detectors.
    """

    def __init__(self, panel: DetectorPanel) -> None:
        self._panel = panel
        self._passed: OrderedDict[str, tuple[Ingredient, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def passed(self, job: Job, installation: Installation) -> tuple[Ingredient, ...]:
        """Return the marks found in a job's pictures, all of which may pass.

        Raises:
            Refused: one may not, or a check broke; ``stage`` is ``input`` and ``field`` says
                which. A refused picture is looked at again next time.
        """
        found: list[Ingredient] = []
        for name, picture in job.pictures.items():
            with refusing("input"):
                marks = self._looked_at(name, picture, installation)
            found += [replace(mark, picture=name) for mark in marks]
        return tuple(found)

    def _looked_at(
        self, name: str, picture: InputPicture, installation: Installation
    ) -> tuple[Ingredient, ...]:
        digest = picture.digest()
        with self._lock:
            if digest in self._passed:
                self._passed.move_to_end(digest)
                return self._passed[digest]
        try:
            seen = shown(picture.pixels, picture.icc)
            self._panel.passed(seen, None, picture.alpha)
        except Refused as refusal:
            advice = "Choose another picture."
            raise Refused(
                "input", refusal.category, refusal.score, refusal.threshold, advice, field=name
            ) from None
        marks = marking.found_in(name, seen, installation.keys.readers())
        with self._lock:
            self._passed[digest] = marks
            while len(self._passed) > _REMEMBERED:
                self._passed.popitem(last=False)
        return marks
