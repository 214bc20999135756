"""Is a subject seen at the border as it is in the middle? Ways to look, side by side.

Harmless subjects score low wherever they are, so means of logits are compared: what counts is how
near an answer is to the reference's own for the subject in the middle, as that is calibrated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from benign import photographs, variants
from retouch_safety.detectors import OpenNSFW, known_picture
from retouch_safety.detectors.open_nsfw_preprocessing import padded_view, reference_view

Rgb = npt.NDArray[np.uint8]
Planes = npt.NDArray[np.float32]

_SIDE, _SIZES = 512, (128, 240)
_GROUNDS = ("brick", "coffee", "gravel", "chelsea")
_KINDS = ("middle", "edge", "corner")


def border(detector: OpenNSFW) -> list[dict[str, Any]]:
    """Mean logits of every way to look, by the subject's size in 512 pixels and its place."""
    found: dict[tuple[int, str], list[dict[str, float]]] = {}
    for size, place, picture in _placed():
        answers = {name: max(map(detector._run, look(picture))) for name, look in _LOOKS.items()}
        reference = answers["reference"]
        both = {
            f"reference or {name}": max(reference, answers[name])
            for name in ("padded", "corner crops")
        }
        found.setdefault((size, place), []).append(answers | both)
    return [
        {"size": size, "place": place, "pictures": len(rows)}
        | {name: float(np.mean([_logit(row[name]) for row in rows])) for name in rows[0]}
        for (size, place), rows in found.items()
    ]


def _placed() -> Iterator[tuple[int, str, Rgb]]:
    """Yield size, kind of place and picture: three subjects on four grounds."""
    loaders = photographs.photographs()
    face = variants.painted(loaders["astronaut"]()[0:220, 120:340])
    for subject in (known_picture(), face, loaders["retina"]()):
        for ground in _GROUNDS:
            behind = cv2.resize(loaders[ground](), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
            for size in _SIZES:
                small = cv2.resize(subject, (size, size), interpolation=cv2.INTER_AREA)
                for kind in _KINDS:
                    for x, y in _places(kind, size):
                        picture = behind.copy()
                        picture[y : y + size, x : x + size] = small
                        yield size, kind, np.asarray(picture, dtype=np.uint8)


def _places(kind: str, size: int) -> tuple[tuple[int, int], ...]:
    middle, end = (_SIDE - size) // 2, _SIDE - size
    return {
        "middle": ((middle, middle),),
        "edge": ((0, middle), (middle, end)),
        "corner": ((0, 0), (end, end)),
    }[kind]


def _padded_without_jpeg(rgb: Rgb) -> list[Planes]:
    small = Pillow.fromarray(rgb).resize((224, 224), Pillow.Resampling.BILINEAR)
    bgr = np.asarray(small)[:, :, ::-1]
    return [np.ascontiguousarray(bgr - np.array([104, 117, 123]), dtype=np.float32)]


def _corner_crops(rgb: Rgb) -> list[Planes]:
    """The four corners at the reference's own scale, each made the middle of a picture."""
    squeezed = np.asarray(Pillow.fromarray(rgb).resize((256, 256), Pillow.Resampling.BILINEAR))
    views = []
    for y in (0, 32):
        for x in (0, 32):
            centred = np.zeros((256, 256, 3), np.uint8)
            centred[16:240, 16:240] = squeezed[y : y + 224, x : x + 224]
            views.append(reference_view(centred))
    return views


_LOOKS: dict[str, Callable[[Rgb], list[Planes]]] = {
    "reference": lambda rgb: [reference_view(rgb)],
    "padded": lambda rgb: [padded_view(rgb)],
    "padded, no JPEG": _padded_without_jpeg,
    "corner crops": _corner_crops,
}


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))
