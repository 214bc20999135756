"""Surfaces in the ten tones of the Monk Skin Tone scale (Monk 2019), light to dark.

Abstract surfaces: they show whether a detector takes a tone by itself for something, and whether
it treats tones alike.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
Tone = tuple[int, int, int]

_SIDE = 256

#: the scale's own values
TONES: dict[str, Tone] = {
    "monk 01": (0xF6, 0xED, 0xE4),
    "monk 02": (0xF3, 0xE7, 0xDB),
    "monk 03": (0xF7, 0xEA, 0xD0),
    "monk 04": (0xEA, 0xDA, 0xBA),
    "monk 05": (0xD7, 0xBD, 0x96),
    "monk 06": (0xA0, 0x7E, 0x56),
    "monk 07": (0x82, 0x5C, 0x43),
    "monk 08": (0x60, 0x41, 0x34),
    "monk 09": (0x3A, 0x31, 0x2A),
    "monk 10": (0x29, 0x24, 0x20),
}


def _flat(tone: Tone) -> Rgb:
    return _painted(tone, np.ones((_SIDE, _SIDE)))


def _gradient(tone: Tone) -> Rgb:
    return _painted(tone, np.broadcast_to(np.linspace(1.1, 0.55, _SIDE)[:, None], (_SIDE, _SIDE)))


def _waves(tone: Tone) -> Rgb:
    y, x = _grid()
    return _painted(tone, 0.85 + 0.15 * np.sin(x * 9 + 3 * np.sin(y * 4)))


def _grain(tone: Tone) -> Rgb:
    noise = np.random.default_rng(4).standard_normal((_SIDE, _SIDE))
    return _painted(tone, 0.95 + 0.06 * noise)


def _ball(tone: Tone) -> Rgb:
    """A shaded ball on a grey ground."""
    y, x = _grid()
    distance = np.hypot(x - 0.5, y - 0.5) / 0.35
    light = 1.05 - 0.6 * np.clip(np.hypot(x - 0.4, y - 0.38) / 0.5, 0, 1)
    inside = np.clip((1 - distance) * 30, 0, 1)[..., None]
    ground = np.full((_SIDE, _SIDE, 3), 170.0)
    mixed = _painted(tone, light) * inside + ground * (1 - inside)
    return np.rint(mixed).astype(np.uint8)


def _grid() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / (_SIDE - 1.0)
    return y, x


def _painted(tone: Tone, light: npt.NDArray[np.float64]) -> Rgb:
    lit = light[..., None] * np.array(tone, np.float64)
    return np.rint(np.clip(lit, 0, 255)).astype(np.uint8)


SURFACES: dict[str, Callable[[Tone], Rgb]] = {
    "flat": _flat,
    "gradient": _gradient,
    "waves": _waves,
    "grain": _grain,
    "ball": _ball,
}
