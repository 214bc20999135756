"""Measure settings on cases: edit, score, write down, keep pictures; go on where it stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retouch.errors import Blocked, Cancelled
from retouch.evaluation.cases.case import Case, Source
from retouch.evaluation.cases.pictures import grey, shrunk
from retouch.evaluation.editing.bench import Attempt, Bench
from retouch.evaluation.editing.scorer import Scorer
from retouch.evaluation.editing.settings import Setting
from retouch.evaluation.results.journal import Journal, Line
from retouch.imaging.image import Floats
from retouch_safety.save import save

#: Cases that are edited side by side; then the judge looks at them and their scores are written.
CHUNK: Final = 8
CHUNK_ON_GPU: Final = 32
#: Longest side in pixels of the pictures in the report.
SHOWN_SIDE: Final = 256


@dataclass(frozen=True)
class Measuring:
    """What measuring needs.

    Attributes:
        bench: edits.
        scorer: looks.
        journal: remembers.
        source: of the cases.
        folder: pictures for the report go below it.
        chunk: cases that are edited side by side.
        on_case: told the setting's title and how many cases are done, of how many.
        cancelled: asked between cases; True stops, and keeps what was done.
    """

    bench: Bench
    scorer: Scorer
    journal: Journal
    source: Source
    folder: Path
    chunk: int = CHUNK
    on_case: Callable[[str, int, int], None] = lambda title, done, total: None
    cancelled: Callable[[], bool] = lambda: False

    def measure(
        self, setting: Setting, names: Sequence[str], *, features: bool = False
    ) -> dict[str, Line]:
        """Return one line per case that has what the setting needs.

        Cases that an earlier run measured with the same weights are not edited again.

        Args:
            setting: how to edit.
            names: of the cases.
            features: also keep the judge's features of every result.

        Raises:
            Cancelled: what was done is kept.
            RetouchError: the setting cannot run here.
        """
        if not names:
            return {}
        weights = self.bench.weights(setting, self.source.case(names[0]))
        known = self.journal.read(setting.key, weights)
        todo = [name for name in names if name not in known]
        done = len(names) - len(todo)
        self.on_case(setting.title, done, len(names))
        for first in range(0, len(todo), self.chunk):
            cases = [self.source.case(name) for name in todo[first : first + self.chunk]]
            cases = [case for case in cases if not setting.lacks(case)]
            lines = self._chunk(setting, cases)
            for line in lines:
                kept = line if features else Line(line.case, line.kind, line.scores)
                self.journal.add(setting.key, kept)
                known[line.case] = kept
            done += min(self.chunk, len(todo) - first)
            self.on_case(setting.title, done, len(names))
        return {name: known[name] for name in names if name in known}

    def _chunk(self, setting: Setting, cases: Sequence[Case]) -> list[Line]:
        if self.cancelled():
            raise Cancelled("cancelled by the caller")
        if not cases:
            return []
        attempts = self.bench.attempt(setting, cases)
        for case, attempt in zip(cases, attempts, strict=True):
            if self.source.shows(case.name):
                self._keep(setting, case, attempt)
        return self.scorer.score(cases, attempts)

    def _keep(self, setting: Setting, case: Case, attempt: Attempt) -> None:
        result = attempt.picture
        if result is not None and setting.given not in ("before", "target"):
            file = self._file(setting.key, case.name)
            if attempt.released is not None and max(result.shape) <= SHOWN_SIDE:
                save(attempt.released, file)
            else:
                self._save(result, file)
        known = {
            "before": case.before,
            "target": case.target,
            "reference": case.reference,
            "mask": None if case.mask is None else grey(case.mask),
        }
        for name, picture in known.items():
            file = self._file(f"case-{name}", case.name)
            if picture is not None and not file.exists():
                self._save(picture, file)

    def _save(self, picture: Floats, file: Path) -> None:
        """Save a picture for the report, small; one that the gate refuses is left out."""
        with contextlib.suppress(Blocked):
            save(self.bench.release(shrunk(picture, SHOWN_SIDE)), file)

    def _file(self, part: str, name: str) -> Path:
        folder = self.folder / "pictures" / part
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.webp"
