"""Undo what was done to a picture's geometry: scale, turns by any angle, mirroring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from retouch_safety.content import Box
from retouch_safety.tilemark.folding import Folder, Window, folder_of
from retouch_safety.tilemark.found import Placement, Tally
from retouch_safety.tilemark.fourier import plane_of_spectrum, spectrum_of_plane
from retouch_safety.tilemark.lattice import Similarity, likely
from retouch_safety.tilemark.pattern import TILE, Pattern, Plane
from retouch_safety.tilemark.residual import residual
from retouch_safety.tilemark.synchronisation import correlation, sync_spectrum, vertex

_LATTICES: Final = 10
_HOPEFUL: Final = 4.9  # z that is worth refining
_CERTAIN: Final = 6.0  # z that is worth reading
_SAMPLED: Final = 4  # cells for the noise of a trial
_LARGEST: Final = 512  # pixels of the unscaled picture that a trial looks at, in the middle
#: Scales that are tried before anything is looked at.
_USUAL: Final = (0.5, 2.0)
#: Scales that programs and screens use, when the lattice is too faint to tell.
_COMMON: Final = (0.75, 1.5, 1.25, 2 / 3, 0.8, 4 / 3, 0.6, 0.9, 1.1, 1.2, 1.75)
#: All scales, in steps that a trial tolerates: half a step moves the edge of its middle by a pixel.
_ALL: Final = tuple(float(scale) for scale in np.exp(np.arange(np.log(0.45), np.log(2.2), 0.007)))
#: Turns of a slightly crooked scan, in degrees.
_CROOKED: Final = tuple(sign * step * 0.2 for step in range(1, 17) for sign in (1, -1))
_STEPS: Final = ((0.003, 0.17), (0.001, 0.06))  # relative scale, degrees
_AS_IT_LIES: Final = Similarity(1.0, 0.0)


class Orientation(NamedTuple):
    """One of the eight symmetries of a square: mirrored left to right, then quarter turns."""

    mirrored: bool
    quarters: int

    def apply(self, plane: Plane) -> Plane:
        """Turn and mirror an H x W plane."""
        flipped = np.fliplr(plane) if self.mirrored else plane
        return np.ascontiguousarray(np.rot90(flipped, self.quarters))

    def undo(self, plane: Plane) -> Plane:
        """Take back :meth:`apply`."""
        turned = np.rot90(plane, -self.quarters)
        return np.ascontiguousarray(np.fliplr(turned) if self.mirrored else turned)


ORIENTATIONS: Final = tuple(
    Orientation(mirrored, quarters) for mirrored in (False, True) for quarters in range(4)
)


@dataclass(frozen=True)
class Trial:
    """A similarity and an orientation that a mark may have, and how well the sync pattern fits."""

    similarity: Similarity
    orientation: Orientation
    z: float

    def undo(self, luma: Plane) -> Plane:
        """Return the picture as it lay when it was marked."""
        return self.orientation.undo(straightened(luma, self.similarity))

    def placement(self) -> Placement:
        """Return what was done to the picture, in words that a report can use."""
        degrees = self.similarity.degrees + 90 * self.orientation.quarters
        turned = (degrees + 180) % 360 - 180
        return Placement(self.similarity.scale, turned, self.orientation.mirrored)

    def region(self, found: Box, shape: tuple[int, int]) -> Box:
        """Return where a box of the undone picture lies in the given one, of H x W pixels."""
        high, wide = _straight_size(shape, self.similarity)
        x, y, width, height = found
        corners = np.array([[x, y], [x + width, y], [x, y + height], [x + width, y + height]])
        points = corners.astype(np.float64)
        # the undone picture has its sides exchanged by odd quarter turns
        before = (high, wide) if self.orientation.quarters % 2 == 0 else (wide, high)
        if self.orientation.mirrored:
            points[:, 0] = before[1] - points[:, 0]
        size = before
        for _ in range(self.orientation.quarters):  # counter-clockwise: (x, y) -> (y, width - x)
            points = np.stack([points[:, 1], size[1] - points[:, 0]], axis=1)
            size = size[::-1]
        move = _to_given(shape, self.similarity)
        placed = points @ move[:, :2].T + move[:, 2]
        low = np.clip(np.floor(placed.min(axis=0)), 0, (shape[1], shape[0])).astype(int)
        top = np.clip(np.ceil(placed.max(axis=0)), 0, (shape[1], shape[0])).astype(int)
        return Box(int(low[0]), int(low[1]), int(top[0] - low[0]), int(top[1] - low[1]))


def likely_trials(luma: Plane, pattern: Pattern, tally: Tally) -> Iterator[Trial]:
    """Yield placements at which the sync pattern is found, of those that something speaks for.

    Args:
        luma: H x W, 0 to 255.
        pattern: to look for.
        tally: counts what is tried.
    """
    fitter = _Fitter(luma, pattern, tally)
    yield from fitter.certain([_AS_IT_LIES])
    yield from fitter.certain([Similarity(scale, 0.0) for scale in _USUAL])
    yield from fitter.certain(likely(luma, _LATTICES))
    # an enlarged picture has its mark at low frequencies, which the residual takes out
    smaller = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    halved = likely(smaller, _LATTICES)
    yield from fitter.certain([Similarity(2 * s.scale, s.degrees) for s in halved])
    yield from fitter.certain([Similarity(scale, 0.0) for scale in _COMMON])


def other_trials(luma: Plane, pattern: Pattern, tally: Tally) -> Iterator[Trial]:
    """Yield placements among all the rest; as :func:`likely_trials`, but takes seconds."""
    fitter = _Fitter(luma, pattern, tally)
    yield from fitter.certain([Similarity(1.0, degrees) for degrees in _CROOKED])
    yield from fitter.certain([Similarity(scale, 0.0) for scale in _ALL])


class _Fitter:
    """Tries similarities on one picture, in all eight orientations at once."""

    def __init__(self, luma: Plane, pattern: Pattern, tally: Tally) -> None:
        self._luma, self._tally = luma, tally
        tile = plane_of_spectrum(sync_spectrum(pattern))
        self._templates = {o: spectrum_of_plane(o.apply(tile)) for o in ORIENTATIONS}

    def certain(self, similarities: list[Similarity]) -> Iterator[Trial]:
        """Yield those that fit, refined."""
        for similarity in similarities:
            trial = self._fit(similarity, ORIENTATIONS)
            if trial.z >= _HOPEFUL and similarity != _AS_IT_LIES:
                trial = self._refined(trial)
            if trial.z >= _CERTAIN:
                yield trial

    def _refined(self, trial: Trial) -> Trial:
        """Move to the top of the parabola through three heights, in scale and turn by turns."""
        for relative, degrees in _STEPS:
            for factor, turn in ((1 + relative, 0.0), (1.0, degrees)):
                scale, at = trial.similarity
                sides = [
                    Similarity(scale / factor, at - turn),
                    Similarity(scale * factor, at + turn),
                ]
                before, after = (self._fit(side, (trial.orientation,)) for side in sides)
                step = vertex(before.z, trial.z, after.z)
                best = Similarity(scale * factor**step, at + turn * step)
                fits = (before, trial, after, self._fit(best, (trial.orientation,)))
                trial = max(fits, key=lambda fit: fit.z)
        return trial

    def _fit(self, similarity: Similarity, orientations: Sequence[Orientation]) -> Trial:
        # a turn moves the far corners most: the middle tolerates the most error, at little cost
        middle = _middle(self._luma, round(_LARGEST * max(1.0, similarity.scale)))
        folder = folder_of(residual(straightened(middle, similarity)), _SAMPLED)
        fold, noise = _whole(folder), folder.noise
        heights = [float(correlation(fold, noise, self._templates[o]).max()) for o in orientations]
        self._tally.offsets += TILE * TILE * len(heights)
        best = int(np.argmax(heights))
        return Trial(similarity, orientations[best], heights[best])


def straightened(luma: Plane, similarity: Similarity) -> Plane:
    """Return the picture scaled and turned back, large enough to hold all of it."""
    if similarity == _AS_IT_LIES:
        return luma
    scale = similarity.scale
    if scale > 1.2:  # what the smaller picture cannot hold would fold over
        luma = cv2.GaussianBlur(luma, (0, 0), 0.35 * scale)
    height, width = _straight_size((luma.shape[0], luma.shape[1]), similarity)
    move = _to_given((luma.shape[0], luma.shape[1]), similarity, centres=True)
    straight: Plane = cv2.warpAffine(
        luma,
        move,
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return straight


def _straight_size(shape: tuple[int, int], similarity: Similarity) -> tuple[int, int]:
    turn = np.deg2rad(similarity.degrees)
    cos, sin = abs(np.cos(turn)), abs(np.sin(turn))
    height, width = shape
    high = (height * cos + width * sin) / similarity.scale
    wide = (width * cos + height * sin) / similarity.scale
    return max(1, round(high)), max(1, round(wide))


def _to_given(
    shape: tuple[int, int], similarity: Similarity, *, centres: bool = False
) -> npt.NDArray[np.float64]:
    """Return the 2 x 3 map from points of the straight picture to points of the given one.

    Both middles coincide. With ``centres``, whole numbers are pixel centres, as OpenCV counts.
    """
    turn = np.deg2rad(similarity.degrees)
    cos, sin = np.cos(turn) * similarity.scale, np.sin(turn) * similarity.scale
    linear = np.array([[cos, sin], [-sin, cos]])
    half = 0.5 if centres else 0.0
    to = np.array([shape[1], shape[0]]) / 2 - half
    high, wide = _straight_size(shape, similarity)
    start = np.array([wide, high]) / 2 - half
    return np.hstack([linear, (to - linear @ start)[:, None]])


def _whole(folder: Folder) -> Plane:
    rows, columns = folder.cells.shape[:2]
    return folder.fold(Window(0, 0, rows, columns))


def _middle(luma: Plane, side: int) -> Plane:
    top, left = (max(0, (length - side) // 2) for length in luma.shape)
    return luma[top : top + side, left : left + side]
