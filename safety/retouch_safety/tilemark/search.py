"""Find and read the marks of a picture that lies as it was marked: same scale, upright."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from retouch_safety.content import Box
from retouch_safety.tilemark.evidence import (
    agreement,
    combining_weights,
    local_mean,
    region_of,
    whitened_tile,
)
from retouch_safety.tilemark.folding import Folder, Window, folder_of, in_cells
from retouch_safety.tilemark.found import Claim, FoundMark, Tally
from retouch_safety.tilemark.keys import ReadingKeys
from retouch_safety.tilemark.pattern import TILE, Plane, Spectrum, pattern_of, spectrum_of
from retouch_safety.tilemark.payload import KEY_IDS, Payload, header, is_authentic, read_message
from retouch_safety.tilemark.reading import symbol_scores
from retouch_safety.tilemark.reed_solomon import DIMENSION
from retouch_safety.tilemark.soft_decoder import CodeWord, Scores, candidate_count, decode
from retouch_safety.tilemark.synchronisation import Peak, correlation, peaks, sync_spectrum

_WORTH_READING: Final = 5.0  # z: lower peaks hold no readable message
_PEAKS: Final = 4  # of one window
_CLAIMED: Final = 8.0  # z of a public claim
#: Chance of a wrong public claim of an id, at most, over a whole search.
_MISREAD: Final = 1e-9
_TAGS: Final = 16  # most likely words whose tags are checked
_SAME: Final = 2.0  # pixels: corners so near are one mark


@dataclass(frozen=True)
class _Word:
    claim: Claim
    word: CodeWord


class Search:
    """One residual, read with one set of keys.

    Args:
        residual: H x W, see :func:`retouch_safety.tilemark.residual.residual`.
        keys: what to read with.
        tally: of the detection that this search is part of; None begins one.
    """

    def __init__(self, residual: Plane, keys: ReadingKeys, tally: Tally | None = None) -> None:
        self._residual, self._keys, self._tally = residual, keys, tally or Tally()
        self._pattern = pattern_of(keys.pattern)
        self._sync = sync_spectrum(self._pattern)
        self._power = local_mean(residual * residual)
        self.folder: Folder = folder_of(residual)
        self._found: list[tuple[Peak, FoundMark]] = []
        self._unread: list[Peak] = []

    def run(self, enough: Callable[[FoundMark], bool]) -> list[FoundMark]:
        """Return the marks, read ones first; stop at a mark that is read and is enough."""
        for window in self.folder.windows():
            for peak in self._peaks(window):
                known = any(_near(peak, other) for other, _ in self._found)
                if not known and self._read(peak, window) and enough(self._found[-1][1]):
                    return [mark for _, mark in self._found]
        return [mark for _, mark in self._found] + self._presences()

    def holds(
        self,
        payload: Payload,
        corner: tuple[float, float] | None = None,
        least: float = 0.0,
    ) -> bool:
        """Return whether there is an authentic mark of a payload, whatever else there is.

        Args:
            payload: of the mark.
            corner: row and column where its tile begins, in the residual or tiles away: nothing
                else is read, which is most of the work. None looks everywhere, as whoever does
                not know it has to.
            least: z, at least, of the peak at which it is read first.
        """

        def sought(mark: FoundMark) -> bool:
            authentic = mark.claim is Claim.AUTHENTIC and mark.payload == payload
            return authentic and mark.z >= least

        if corner is None:
            return any(sought(mark) for mark in self.run(sought))
        known = Peak(corner[0] % TILE, corner[1] % TILE, least)
        return self._holds_at(payload, known)

    def _holds_at(self, payload: Payload, known: Peak) -> bool:
        """Read as :meth:`run` does, but at a known corner alone, and authentic words alone."""
        read: list[Peak] = []
        for window in self.folder.windows():
            for peak in self._peaks(window):
                if not _near(peak, known):
                    continue
                if not any(_near(peak, other) for other in read):
                    read.append(peak)
                    agree = agreement(self._residual, self._tile_at(peak))
                    if self._says(self._weighted_scores(agree, peak), payload):
                        return peak.z >= known.z
                if self._says(self._scores_in(window, peak), payload):
                    return peak.z >= known.z
        return False

    def _says(self, scores: Scores, payload: Payload) -> bool:
        read = self._authenticated(scores)
        return read is not None and read_message(_message_of(read.word)) == payload

    def _peaks(self, window: Window) -> list[Peak]:
        self._tally.offsets += TILE * TILE
        found = correlation(self.folder.fold(window), self.folder.noise, self._sync)
        return peaks(found, _WORTH_READING, _PEAKS)

    def _read(self, peak: Peak, window: Window) -> bool:
        """Read the message at a peak: weighted over the whole picture, then in the window alone."""
        agree = agreement(self._residual, self._tile_at(peak))
        if not any(_near(peak, other) for other in self._unread):
            self._unread.append(peak)
            if self._accept(peak, self._weighted_scores(agree, peak)):
                return True
        return self._accept(peak, self._scores_in(window, peak))

    def _scores_in(self, window: Window, peak: Peak) -> Scores:
        noise = self.folder.noise * (window.rows * window.columns)
        fold = self.folder.fold(window)
        return symbol_scores(fold, noise, peak[:2], self._pattern, self._sync)

    def _tile_at(self, peak: Peak) -> Plane:
        return whitened_tile(self._sync, self.folder.noise, peak[:2])

    def _weighted_scores(self, agree: Plane, peak: Peak) -> Scores:
        weights = combining_weights(agree, self._power)
        fold = in_cells(self._residual * weights).sum(axis=(0, 1))
        noise = self.folder.noise * (float((weights * weights).sum()) / TILE**2)
        return symbol_scores(fold, noise, peak[:2], self._pattern, self._sync)

    def _accept(self, peak: Peak, scores: Scores) -> bool:
        read = self._authenticated(scores) or self._publicly_read(scores, peak.z)
        if read is None:
            return False
        message = _message_of(read.word)
        region = self._region(spectrum_of(self._pattern.chips(read.word.symbols)), peak)
        evidence, authentic = read.word.evidence, read.claim is Claim.AUTHENTIC
        tally = self._tally
        chance = tally.of_authenticity() if authentic else tally.of_reading(evidence)
        mark = FoundMark(read.claim, read_message(message), region, peak.z, evidence, chance)
        self._found.append((peak, mark))
        self._unread = [other for other in self._unread if not _near(peak, other)]
        return True

    def _authenticated(self, scores: Scores) -> _Word | None:
        if not self._keys.auth:
            return None
        for word in decode(scores, [header(key_id) for key_id in self._keys.auth], _TAGS):
            self._tally.tags += 1
            message = _message_of(word)
            if is_authentic(message, self._keys.auth[message[0] & 0xF]):
                return _Word(Claim.AUTHENTIC, word)
        return None

    def _publicly_read(self, scores: Scores, z: float) -> _Word | None:
        self._tally.words += candidate_count()
        words = decode(scores, [header(key_id) for key_id in KEY_IDS], 1)
        if words and z >= _CLAIMED and self._tally.of_reading(words[0].evidence) <= _MISREAD:
            return _Word(Claim.READ, words[0])
        return None

    def _presences(self) -> list[FoundMark]:
        """Return marks that are surely there, but could not be read."""
        return [
            FoundMark(
                Claim.PRESENT,
                None,
                self._region(self._sync, peak),
                peak.z,
                0.0,
                self._tally.of_presence(peak.z),
            )
            for peak in self._unread
            if peak.z >= _CLAIMED
        ]

    def _region(self, spectrum: Spectrum, peak: Peak) -> Box:
        tile = whitened_tile(spectrum, self.folder.noise, peak[:2])
        return region_of(agreement(self._residual, tile), self._power)


def _message_of(word: CodeWord) -> bytes:
    return word.symbols[:DIMENSION].tobytes()


def _near(first: Peak, second: Peak) -> bool:
    apart = (
        min(abs(a - b), TILE - abs(a - b))
        for a, b in ((first.row, second.row), (first.column, second.column))
    )
    return all(distance <= _SAME for distance in apart)
