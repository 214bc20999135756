"""What an undisturbed edit gives: run here, without a daemon, by the same engine and a gate.

No two releases are alike: each has a record of its own in its mark. So what is compared is what the
gate was given, with the served record written into it anew: the same bits, or something else
happened to the edit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from endurance.edits import KnownEdit
from retouch.catalog import installed
from retouch.models.library import Library
from retouch.picture_file import pixels_of
from retouch.runner import Runner
from retouch_daemon.reading.requests import read_request
from retouch_safety import Gate, Installation, marking
from retouch_safety.content import Content
from retouch_safety.errors import InvalidInput
from retouch_safety.inspection.receipt_in_files import receipt_text
from retouch_safety.receipt import MarkStatus, Receipt, digest_of
from retouch_safety.receipt_key import is_signed_by
from retouch_safety.tilemark import detect


@dataclass(frozen=True)
class Verdict:
    """What was found out about one file.

    Attributes:
        sealed: its receipt is signed here, is about these pixels, and its mark says so, too.
        same: its pixels are those of the undisturbed edit, bit for bit.
        problem: what is wrong; empty where nothing is.
    """

    sealed: bool
    same: bool
    problem: str = ""


class Undisturbed:
    """Knows every known edit's pictures. Runs each once, when it is made.

    Args:
        edits: which.
        installation: of the daemon's gate: its keys write and read marks.
    """

    def __init__(self, edits: list[KnownEdit], installation: Installation) -> None:
        installation.prepare()
        self._installation = installation
        self._made: dict[tuple[str, int, str], Content] = {}
        runner = Runner(Library(device="cpu"), Gate(installation=installation))
        for edit in edits:
            self._run(runner, edit)

    def __getstate__(self) -> tuple[Path, dict[tuple[str, int, str], Content]]:
        return self._installation.folder, self._made  # keys stay on the disk

    def __setstate__(self, state: tuple[Path, dict[tuple[str, int, str], Content]]) -> None:
        folder, self._made = state
        self._installation = Installation(folder)

    def _run(self, runner: Runner, edit: KnownEdit) -> None:
        request = read_request(edit.named("reference"), installed(), edit.blobs.__getitem__)
        seen: list[Content] = []
        real = marking.mark

        def noting(content: Content, *given: object) -> object:
            seen.append(content)
            return real(content, *given)  # type: ignore[arg-type]

        with mock.patch.object(marking, "mark", noting):
            results = runner.run(request)
        forms = len(seen) // len(results)
        for number, content in enumerate(seen):
            self._made[edit.name, number // forms, content.form] = content

    def check(self, edit: KnownEdit, variant: int, form: str, file: bytes) -> Verdict:
        """Look at a file that a daemon has served."""
        problem = self.unsealed(file)
        if problem:
            return Verdict(False, False, problem)
        decoded, receipt = pixels_of(file), _receipt_of(file)
        made = self._made[edit.name, variant, form]
        keys = self._installation.keys.current
        assert receipt is not None
        wanted = marking.mark(made, made.pixels, int(receipt.record, 16), keys).pixels
        same = np.array_equal(wanted, decoded.pixels)
        if form == "patch":
            same = same and np.array_equal(made.alpha, decoded.alpha)  # type: ignore[arg-type]
        return Verdict(True, same, "" if same else _apart(wanted, decoded.pixels))

    def unsealed(self, data: bytes) -> str:
        """Why a picture cannot have come through the gate; empty where it has.

        A file must have a receipt of this installation that is about its very pixels, and a mark
        with the same record. Raw rows, as previews are, have a mark alone.
        """
        try:
            receipt = _receipt_of(data)
            decoded = pixels_of(data)
        except InvalidInput:
            return self._unmarked_rows(data)
        if receipt is None:
            return "it has no receipt"
        if not is_signed_by(receipt, self._installation.receipts.public):
            return "its receipt is not signed by this installation"
        if receipt.digest != digest_of(decoded.pixels, decoded.alpha):
            return "its receipt is about other pixels"
        if receipt.mark is not MarkStatus.EMBEDDED:
            return f"its mark is {receipt.mark.value}"
        records = self._records(decoded.shown)
        return "" if receipt.record in records else f"its mark reads {records or 'nothing'}"

    def _records(self, pixels: npt.NDArray[Any]) -> set[str]:
        found = detect(pixels, self._installation.keys.readers())
        return {f"{mark.payload.record:08x}" for mark in found if mark.payload is not None}

    def _unmarked_rows(self, data: bytes) -> str:
        for channels in (3, 4):
            edge = math.isqrt(len(data) // channels)
            if edge * edge * channels == len(data):
                rows = np.frombuffer(data, np.uint8).reshape(edge, edge, channels)
                return "" if self._records(rows[..., :3]) else f"{edge} rows without a mark"
        return f"{len(data)} bytes that are no picture"


def _receipt_of(file: bytes) -> Receipt | None:
    text = receipt_text(file)
    return Receipt.from_json(text) if text else None


def _apart(wanted: npt.NDArray[Any], found: npt.NDArray[Any]) -> str:
    if wanted.shape != found.shape:
        return f"{found.shape} instead of {wanted.shape}"
    different = np.abs(wanted.astype(int) - found.astype(int))
    return f"{int((different > 0).sum())} samples differ, by up to {int(different.max())}"
