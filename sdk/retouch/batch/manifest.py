"""``manifest.jsonl``: what became of every picture of a batch, with receipts; one line a time.

Lines are only added. The last one of a picture counts; a line that was cut off by a kill counts
as not written.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from retouch.errors import InvalidField

NAME: Final = "manifest.jsonl"
_FORM: Final = 1
_PIECE: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What became of one picture.

    Attributes:
        key: name of its first result below the batch's folder.
        input: path of the picture.
        input_sha256: of its content; empty where it could not be read.
        recipe_sha256: of all that decides the result but the picture.
        status: ``begun`` (it is at work, or was when a run was killed), ``done``, ``blocked``,
            ``failed`` or ``cancelled``.
        attempt: how often it was tried before, under other names of jobs.
        outputs: of each variant: file, its SHA-256, seed, receipt and where the mark is; or why
            the gate refused it. Of what has begun, the files alone.
        error: one sentence, empty where it is done.
        seconds: from the beginning to the result on the disk.
        retouch: version.
        model: that made it.
        time: ISO 8601 in UTC.
    """

    key: str
    input: str
    input_sha256: str
    recipe_sha256: str
    status: str
    attempt: int = 0
    outputs: tuple[dict[str, Any], ...] = ()
    error: str = ""
    seconds: float = 0.0
    retouch: str = ""
    model: str = ""
    time: str = ""


@dataclass
class Manifest:
    """The manifest of a folder.

    Attributes:
        file: where it is.
        batch: name of the batch, made with the manifest.
    """

    file: Path
    batch: str
    _last: dict[str, Entry] = field(default_factory=dict)
    _files: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, out: Path) -> Manifest:
        """Read a folder's manifest; :meth:`begin` makes a new one.

        Raises:
            InvalidField: another program's file of this name.
        """
        file, found = out / NAME, cls(out / NAME, "")
        for number, line in enumerate(_lines(file)):
            if number == 0:
                if line.get("manifest") != _FORM:
                    fix = "choose another folder with -o"
                    raise InvalidField("-o", str(file), "a manifest of this version", fix)
                found.batch = str(line["batch"])
            elif set(line) == set(Entry.__dataclass_fields__):
                found._take(Entry(**line | {"outputs": tuple(line["outputs"])}))
        found.batch = found.batch or uuid.uuid4().hex
        return found

    def last(self, key: str) -> Entry | None:
        """Return what became of a picture the last time."""
        return self._last.get(key)

    def is_done(self, key: str, input_sha256: str, recipe_sha256: str) -> bool:
        """Return whether a picture is done, unchanged, and its results are as they were written."""
        entry = self._last.get(key)
        if entry is None or entry.status != "done":
            return False
        same = (entry.input_sha256, entry.recipe_sha256) == (input_sha256, recipe_sha256)
        folder = self.file.parent
        return same and all(
            digest_of_file(folder / each["file"]) == each["sha256"] for each in entry.outputs
        )

    def wrote(self, output: Path) -> bool:
        """Return whether a file is a result of this batch, and so may be replaced."""
        return output.relative_to(self.file.parent).as_posix() in self._files

    def begin(self) -> None:
        """Make the folder and the file where they are missing. Raises OSError."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if not self.file.exists() or self.file.stat().st_size == 0:
            self._write(_line({"manifest": _FORM, "batch": self.batch}))

    def add(self, entry: Entry) -> None:
        """Add a line, durably. Raises OSError."""
        # a line that was cut off by a kill must not take this one with it
        self._write(("" if _ends_whole(self.file) else "\n") + _line(asdict(entry)))
        self._take(entry)

    def _take(self, entry: Entry) -> None:
        self._last[entry.key] = entry
        self._files |= {each["file"] for each in entry.outputs if "file" in each}

    def _write(self, text: str) -> None:
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())


def digest_of_file(file: Path) -> str:
    """Return the SHA-256 of a file's content; empty where it cannot be read."""
    found = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE):
                found.update(piece)
    except OSError:
        return ""
    return found.hexdigest()


def _line(said: dict[str, Any]) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":")) + "\n"


def _ends_whole(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    if not file.exists():
        return
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError as problem:
        fix = f"check its permissions ({problem.strerror})"
        raise InvalidField("-o", str(file), "a readable manifest", fix) from problem
    for number, line in enumerate(lines):
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if isinstance(said, dict):
            yield said
        elif number == 0:
            yield {}
