"""Scores on disk, a line for every case as it is done: an interruption loses nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from retouch.errors import InvalidField

#: Measures of one case: name -> value. Yes and no are 1 and 0; what does not apply is left out.
Scores: TypeAlias = dict[str, float]


@dataclass(frozen=True)
class Line:
    """What one setting gave on one case.

    Attributes:
        case: its name.
        kind: of the edit.
        scores: by measure.
        features: of the result, where a curve needs them; else empty.
    """

    case: str
    kind: str
    scores: Scores
    features: tuple[float, ...] = ()


class Journal:
    """The scores of one run, one file per setting, in a folder.

    Args:
        folder: created when it is missing.
        about: what the scores depend on; a folder with scores of anything else is refused.
        fresh: forget what is there.

    Raises:
        InvalidField: the folder holds scores of another model, seed or judge.
    """

    def __init__(self, folder: Path, about: Mapping[str, object], *, fresh: bool = False) -> None:
        self.folder = folder / "scores"
        self.folder.mkdir(parents=True, exist_ok=True)
        if fresh:
            for file in self.folder.glob("*.json*"):
                file.unlink()
        self._agree(self.folder / "about.json", json.loads(json.dumps(about)))
        for file in self.folder.glob("*.jsonl"):
            _mend(file)

    def _agree(self, file: Path, about: Mapping[str, object]) -> None:
        if not file.is_file():
            file.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            return
        known = json.loads(file.read_text("utf-8"))
        other = [key for key in about if known.get(key) != about[key]]
        if other:
            found = ", ".join(f"{key} {known.get(key)}" for key in other)
            allowed = ", ".join(f"{key} {about[key]}" for key in other)
            fix = "name another folder, or add --fresh to forget those scores"
            raise InvalidField("--out", f"scores of {found}", f"scores of {allowed}", fix)

    def read(self, setting: str, weights: str = "") -> dict[str, Line]:
        """Return what is known of a setting, by case.

        Args:
            setting: its key.
            weights: fingerprint of what it runs with; scores of other weights are forgotten.
        """
        file = self._file(setting)
        rows = file.read_text("utf-8").splitlines() if file.is_file() else []
        if not rows or json.loads(rows[0]) != {"weights": weights}:
            file.write_text(json.dumps({"weights": weights}) + "\n", encoding="utf-8")
            return {}
        return {line.case: line for line in map(_line, rows[1:])}

    def add(self, setting: str, line: Line) -> None:
        """Write one case down; ``read`` comes first."""
        record: dict[str, object] = {"case": line.case, "kind": line.kind, "scores": line.scores}
        if line.features:
            record["features"] = [round(value, 5) for value in line.features]
        with self._file(setting).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def _file(self, setting: str) -> Path:
        return self.folder / f"{setting}.jsonl"


def _line(row: str) -> Line:
    record = json.loads(row)
    features = tuple(record.get("features", ()))
    return Line(record["case"], record["kind"], record["scores"], features)


def _mend(file: Path) -> None:
    """Drop a last line that an interruption left half written."""
    text = file.read_text("utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.write_text(whole, encoding="utf-8")
