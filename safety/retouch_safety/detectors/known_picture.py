"""A picture that is computed and not stored, for self-tests with a known answer."""

from __future__ import annotations

import numpy as np

from retouch_safety.content import Bytes8


def known_picture() -> Bytes8:
    """Return a 256 x 256 x 3 RGB picture: a shaded oval on light grey."""
    y, x = np.mgrid[0:256, 0:256] / 255.0
    radius = ((x - 0.5) / 0.3) ** 2 + ((y - 0.5) / 0.45) ** 2
    inside = (1 / (1 + np.exp((radius - 1) * 8)))[..., None]
    shade = (1 - 0.35 * np.clip(radius, 0, 1))[..., None]
    ground, oval = np.array([200.0, 200.0, 205.0]), np.array([235.0, 190.0, 170.0])
    shaded: Bytes8 = np.rint(ground * (1 - inside) + oval * inside * shade).astype(np.uint8)
    return shaded
