"""What marking and verifying cost in CPU time, on one thread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from marks.contenders import KEYS
from marks.pictures import Rgb
from retouch_safety.tilemark import Payload, detect, embed_surviving
from retouch_safety.tilemark.embedding import Canvas, canvas_of

_PAYLOAD = Payload(KEYS.id, 0x5A3C96E1)


def milliseconds(rgb: Rgb, repeats: int) -> dict[str, float]:
    """Return median CPU milliseconds of each step on one picture."""
    everywhere = np.ones(rgb.shape[:2], np.bool_)

    def prepared() -> Canvas:
        random = np.random.default_rng(1)
        canvas = canvas_of(rgb, everywhere, _PAYLOAD, KEYS, None, random)
        assert isinstance(canvas, Canvas)
        return canvas

    marked = prepared().written(1.0)
    steps: dict[str, Callable[[], object]] = {
        "embed": lambda: prepared().written(1.0),
        "verify": lambda: detect(marked, [KEYS.reader()], several=False),
        "detect_all": lambda: detect(marked, [KEYS.reader()]),
        "detect_clean": lambda: detect(rgb, [KEYS.reader()]),
        "embed_surviving": lambda: embed_surviving(
            rgb, everywhere, _PAYLOAD, KEYS, random=np.random.default_rng(1)
        ),
    }
    return {name: _median(step, repeats) for name, step in steps.items()}


def _median(step: Callable[[], object], repeats: int) -> float:
    step()
    taken = []
    for _ in range(repeats):
        begin = time.thread_time()
        step()
        taken.append((time.thread_time() - begin) * 1000)
    return statistics.median(taken)
