"""Seams: an edit takes on the colours of what lies around it.

An autoencoder brings no picture back exactly. Where an edit ends at a hard edge its small shifts of
colour show as a step, though nothing was meant to change there. Outside the mask the same shifts
can be measured, where the edit cannot have reached, and from there they are carried inwards and
taken back: a membrane over the edited area, as in Poisson image editing (Perez et al. 2003, eq. 5:
the guidance field is the edit's own gradient), approximated by the pull-push pyramid of Gortler et
al. 1996, section 3.4.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from retouch.imaging.image import Floats

#: Working pixels that one latent pixel covers.
_CELL: Final = 8
#: Pixels beyond the mask that an edit may reach: its latent pixels at the edge lie partly outside,
#: and the decoder spreads them. What differs there may be wanted, and is not compared.
_REACH: Final = 2 * _CELL
#: Pixels beyond those that are compared.
_RING: Final = 2 * _CELL
#: Larger differences are no shift but another picture, and are left alone.
_SHIFT: Final = 16 / 255
#: Part of the ring that must agree so far; else the edit has repainted its surroundings, too.
_AGREES: Final = 0.5
#: Level of the pyramid whose cells are the finest of the correction: 4 pixels.
_FINEST: Final = 2


def matched(edited: Floats, source: Floats, mask: Floats) -> Floats:
    """Return an edited picture without the shifts of colour that end at the edges of its mask.

    It is returned as it is where there is nothing to compare: no pixel outside the mask, or an
    edit that has repainted what lies outside, too.

    Args:
        edited: H x W x 3 ``float32`` in [0, 1], not yet pasted: outside the mask it is the
            autoencoder's view of the source.
        source: H x W x 3 ``float32`` in [0, 1], what it was made of.
        mask: H x W ``float32`` in [0, 1]; 0 outside.
    """
    reached = _grown(mask > 0, _REACH)
    ring = _grown(reached, _RING) & ~reached
    shift = cv2.blur(source - edited, (_CELL, _CELL))
    alike = ring & (np.abs(shift).max(axis=2) < _SHIFT)
    if not ring.any() or alike.sum() < _AGREES * ring.sum():
        return edited
    correction = _membrane((source - edited) * alike[..., None], alike.astype(np.float32))
    # everywhere: where the crop is larger than this, pixels of both sides of the edge mix
    return np.asarray(np.clip(edited + correction, 0, 1), np.float32)


def _grown(inside: npt.NDArray[np.bool_], pixels: int) -> npt.NDArray[np.bool_]:
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return np.asarray(cv2.dilate(inside.astype(np.uint8), kernel) > 0)


def _membrane(known: Floats, weight: Floats) -> Floats:
    """Spread values over all of a picture, smoothly, from where they are known.

    Args:
        known: H x W x 3, already multiplied by ``weight``.
        weight: H x W, above 0 where they are known.
    """
    levels = [(known, weight)]
    while min(levels[-1][1].shape) > 1:
        total, weights = levels[-1]
        levels.append((_halved(total), _halved(weights)))
    found: Floats | None = None
    for total, weights in reversed(levels[_FINEST:]):
        own = np.asarray(total / np.maximum(weights, np.float32(1e-6))[..., None], np.float32)
        trust = np.clip(weights * np.float32(4), 0, 1)[..., None]
        if found is None:
            found = own
            continue
        coarser = _resized(found, weights)
        found = coarser + (own - coarser) * trust
    return known if found is None else _resized(found, weight)


def _halved(plane: Floats) -> Floats:
    height, width = plane.shape[:2]
    size = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _resized(plane: Floats, like: Floats) -> Floats:
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.float32)
