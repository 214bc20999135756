"""The detector: every mark in a picture, with where it is and what may be claimed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from retouch_safety.content import Pixels
from retouch_safety.tilemark.embedding import check_picture
from retouch_safety.tilemark.found import Claim, FoundMark, Tally
from retouch_safety.tilemark.keys import ReadingKeys
from retouch_safety.tilemark.layers import View, details, found_in_layers, views
from retouch_safety.tilemark.luma import luma_of
from retouch_safety.tilemark.pattern import Pattern, Plane, pattern_of
from retouch_safety.tilemark.placing import Trial, likely_trials, other_trials
from retouch_safety.tilemark.residual import residual
from retouch_safety.tilemark.search import Search

Trials: TypeAlias = Callable[[Plane, Pattern, Tally], Iterator[Trial]]

_SMALLEST: Final = 51  # pixels: a tile at the smallest scale


def detect(
    pixels: Pixels,
    readers: Sequence[ReadingKeys],
    *,
    several: bool = True,
    any_placement: bool = False,
) -> list[FoundMark]:
    """Find marks.

    Args:
        pixels: H x W x 3 RGB or H x W grey, ``uint8``, ``uint16`` or ``float32``.
        readers: keys to read with. Without auth keys an id is claimed only where chance explains
            it less than once in 10^9 searches, and a mark whose id is not sure is ``PRESENT``.
        several: False stops at the first mark that is read: enough to verify one.
        any_placement: also look for marks that were scaled (0.4 to 2.7), turned by any angle or
            mirrored, where none is found as it lies. Takes seconds; for forensic use.

    Returns:
        The marks, read ones first; empty without any. Marks under one placement are returned.

    Raises:
        InvalidMarkRequest: wrong shape or depth.
    """
    check_picture(pixels)
    luma, tally = luma_of(pixels), Tally()
    shape = (luma.shape[0], luma.shape[1])

    def upright(detail: Plane) -> list[FoundMark]:
        enough = _enough(several)
        return [mark for keys in readers for mark in Search(detail, keys, tally).run(enough)]

    def done(marks: list[FoundMark]) -> bool:
        return not several and _any_read(marks)

    found = found_in_layers(details(luma), shape, upright, done)
    # smaller than any tile that the search would look for
    too_small = min(luma.shape) < _SMALLEST
    if any_placement and not too_small and not _any_read(found):
        found = _anyhow_placed(luma, readers, several, tally) or found
    return sorted(found, key=lambda mark: not _is_read(mark))


def _anyhow_placed(
    luma: Plane, readers: Sequence[ReadingKeys], several: bool, tally: Tally
) -> list[FoundMark]:
    """Return the marks of the first placement under which one can be read, likely ones first."""
    shape = (luma.shape[0], luma.shape[1])

    def look(trials: Trials) -> Callable[[Plane], list[FoundMark]]:
        return lambda view: [
            mark for keys in readers for mark in _placed(view, keys, several, tally, trials)
        ]

    found = found_in_layers(views(luma), shape, look(likely_trials), _any_read)
    if _any_read(found):
        return found
    return found_in_layers([View(luma)], shape, look(other_trials), _any_read) or found


def _placed(
    luma: Plane, keys: ReadingKeys, several: bool, tally: Tally, trials: Trials
) -> list[FoundMark]:
    """Return the marks of the first placement under which one can be read."""
    present: list[FoundMark] = []
    for trial in trials(luma, pattern_of(keys.pattern), tally):
        marks = [
            replace(
                mark,
                region=trial.region(mark.region, (luma.shape[0], luma.shape[1])),
                placement=trial.placement(),
            )
            for mark in Search(residual(trial.undo(luma)), keys, tally).run(_enough(several))
        ]
        if _any_read(marks):
            return marks
        present = present or marks
    return present


def _enough(several: bool) -> Callable[[FoundMark], bool]:
    return lambda mark: not several


def _is_read(mark: FoundMark) -> bool:
    return mark.claim is not Claim.PRESENT


def _any_read(marks: Sequence[FoundMark]) -> bool:
    return any(_is_read(mark) for mark in marks)
