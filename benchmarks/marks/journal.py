"""Results on disk, a case at a time: a run that is stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_SAFETY = Path(__file__).resolve().parents[2] / "safety" / "retouch_safety"
#: They never see a pixel: wording, and keys on disk (the benchmark's own keys are fixed).
_WITHOUT_PIXELS = ("errors.py", "keys.py")

Case = dict[str, Any]


class Journal:
    """The cases of one results file.

    Args:
        path: JSON file; read when it exists, or None to keep nothing.
        again: forget what was measured.
    """

    def __init__(self, path: Path | None, *, again: bool) -> None:
        self._path = path
        self.content: dict[str, Any] = {}
        if path is not None and path.is_file() and not again:
            self.content = json.loads(path.read_text("utf-8"))
        if self.content.get("code") != code_digest():
            # TileMark has changed since: what it did then says nothing about now
            kept = self.content.get("cases", {})
            self.content = {
                "code": code_digest(),
                "cases": {key: case for key, case in kept.items() if "TileMark" not in key},
            }

    def case(self, contender: str, side: int, picture: str) -> Case:
        """Return what is known of a case; changes of it are kept by :meth:`save`."""
        key = f"{contender} {side} {picture}"
        found: Case = self.content["cases"].setdefault(key, {"rows": {}})
        return found

    def cases(self) -> list[tuple[str, int, str, Case]]:
        """Return contender, side, picture and case of all that was measured."""
        split = ((key.split(" ", 2), case) for key, case in self.content["cases"].items())
        return [(name, int(side), picture, case) for (name, side, picture), case in split]

    def save(self, about: dict[str, Any]) -> None:
        """Write all cases, one a line."""
        if self._path is None:
            return
        rest = {k: v for k, v in self.content.items() if k not in ("cases", "about")}
        lines = [f'"about": {json.dumps(about)}']
        lines += [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in rest.items()]
        cases = ",\n".join(
            f"  {json.dumps(key)}: {json.dumps(case)}"
            for key, case in self.content["cases"].items()
        )
        lines.append(f'"cases": {{\n{cases}\n}}')
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def code_digest(package: str = "tilemark") -> str:
    """Return a digest of a package's sources: results belong to the code that made them."""
    found = hashlib.sha256()
    for path in sorted((_SAFETY / package).glob("*.py")):
        if path.name not in _WITHOUT_PIXELS:
            found.update(path.read_bytes())
    return found.hexdigest()[:16]
