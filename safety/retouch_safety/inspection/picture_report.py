"""What an inspection found: manifests, marks and receipts of one picture file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from retouch_safety.foreign_marks import ForeignMark
from retouch_safety.inspection.receipt_check import ReceiptReport
from retouch_safety.provenance.report import EXIT_CODES, Report, Status
from retouch_safety.tilemark import FoundMark

#: Code of the problem that the library for manifests is missing.
UNAVAILABLE: Final = "manifest.unavailable"


@dataclass(frozen=True)
class PictureReport:
    """Everything that can be said about a picture file.

    Attributes:
        provenance: what its manifests say; of the pixels alone, kind ``PIXELS``, where the file
            has lost its manifest and the pixels fit one that is kept here bit for bit.
        marks: every mark in the pixels, read ones first.
        receipt: the receipt in the file's metadata, None without one.
        foreign: marks of other programs, which have no key: anyone can write or copy them.
        kept: receipts that are kept here under the ids of its marks, the most alike first.
        public: only published keys were used: nobody can tell by them who wrote a mark.
        unreadable: why the pixels could not be looked at, else empty.
    """

    provenance: Report
    marks: tuple[FoundMark, ...]
    foreign: tuple[ForeignMark, ...]
    receipt: ReceiptReport | None
    kept: tuple[ReceiptReport, ...]
    public: bool
    unreadable: str = ""

    @property
    def unchecked(self) -> bool:
        """Manifests cannot be read on this machine, so one in the file may say anything."""
        return any(problem.code == UNAVAILABLE for problem in self.provenance.problems)

    @property
    def rests_on_receipt(self) -> bool:
        """No manifest says so, but the receipt proves that these are the released pixels."""
        found = self.provenance.status
        unsaid = found is Status.NONE or found is Status.RECOVERED
        return (
            unsaid
            and not self.unchecked
            and self.receipt is not None
            and self.receipt.proves_pixels
        )

    @property
    def status(self) -> Status:
        """The verdict."""
        return Status.TRUSTED if self.rests_on_receipt else self.provenance.status

    @property
    def exit_code(self) -> int:
        """0 trusted, 3 untrusted, 4 recovered by its mark, 5 nothing found, 6 tampered."""
        return EXIT_CODES[self.status]

    def words(self) -> str:
        """Return the report in plain sentences, one a line."""
        from retouch_safety.inspection.picture_words import explain

        return explain(self)

    def fields(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "status": str(self.status),
            "exit_code": self.exit_code,
            "provenance": json.loads(self.provenance.to_json()),
            "marks": [_mark(mark) for mark in self.marks],
            "foreign": [asdict(mark) for mark in self.foreign],
            "receipt": None if self.receipt is None else _receipt(self.receipt),
            "kept": [_receipt(kept) for kept in self.kept],
            "public": self.public,
            "unreadable": self.unreadable,
        }

    def to_json(self) -> str:
        """Return one line of ASCII JSON."""
        return json.dumps(self.fields(), sort_keys=True)


def _mark(mark: FoundMark) -> dict[str, Any]:
    payload = mark.payload
    return {
        "claim": str(mark.claim),
        "record": None if payload is None else f"{payload.record:08x}",
        "key": None if payload is None else payload.key_id,
        "region": list(mark.region),
        "false_accept": mark.false_accept,
        "placement": mark.placement._asdict(),
    }


def _receipt(found: ReceiptReport) -> dict[str, Any]:
    return {
        "signature": str(found.signature),
        "same_pixels": found.same_pixels,
        "bits_apart": found.bits_apart,
        "receipt": asdict(found.receipt),
    }
