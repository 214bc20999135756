"""Verifying a log: is every record there, in order, unchanged; if not, which is the first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from retouch_safety.audit.errors import AuditFailed
from retouch_safety.audit.head_file import read_head
from retouch_safety.audit.key_file import AuditKey
from retouch_safety.audit.line import GENESIS, ChainHead
from retouch_safety.audit.scan import Scan, is_interrupted_write, scan
from retouch_safety.audit.torn_writes import missing_file

EXIT_INTACT: Final = 0
EXIT_DAMAGED: Final = 6  # as for a picture that was tampered with


@dataclass(frozen=True)
class FirstBad:
    """Where a log stops being what was written.

    Attributes:
        number: number of the first record that is not there, or not as it was written.
        file: name of the file, empty when it is not about one.
        line: number of the line in it, 0 when it is not about one.
        why: what is wrong, in words.
    """

    number: int
    file: str
    line: int
    why: str


@dataclass(frozen=True)
class AuditReport:
    """What a verification found.

    Attributes:
        intact: every record is there, in order and unchanged.
        authenticated: HMACs were checked; without the key only the chain is.
        records: how many records are good, up to the first bad one.
        head: the head after them.
        first_bad: the first bad record, None when intact.
        torn: how many interrupted writes were set aside.
        unfinished: bytes of a write that was interrupted and not yet set aside; not a fault.
    """

    intact: bool
    authenticated: bool
    records: int
    head: ChainHead
    first_bad: FirstBad | None
    torn: int
    unfinished: int

    @property
    def exit_code(self) -> int:
        """0 intact, 6 damaged."""
        return EXIT_INTACT if self.intact else EXIT_DAMAGED

    def words(self) -> str:
        """Return the report in plain sentences, one a line."""
        checked = "" if self.authenticated else " (chain only: the key was not given)"
        lines = [f"{self.records} records are in order and unchanged{checked}."]
        if self.first_bad is not None:
            bad = self.first_bad
            where = f" ({bad.file}, line {bad.line})" if bad.file else ""
            lines.insert(0, f"Damaged: the first bad record is {bad.number}{where}: {bad.why}.")
            lines[1] = f"Before it, {lines[1]}"
        else:
            lines.insert(0, "Intact.")
            lines.append(f"Head: {self.head.number} {self.head.digest}")
        if self.torn:
            lines.append(f"{self.torn} interrupted writes were set aside and recorded.")
        if self.unfinished:
            lines.append(
                f"The last write was interrupted ({self.unfinished} bytes); it was never "
                "acknowledged, and the next append sets it aside."
            )
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return one line of ASCII JSON, with the exit code."""
        return json.dumps({**asdict(self), "exit_code": self.exit_code}, sort_keys=True)


def verify_folder(
    folder: Path,
    files: Sequence[tuple[Path, int]],
    head_path: Path,
    key: AuditKey,
    anchor: ChainHead | None,
    since: ChainHead | None,
) -> AuditReport:
    """Verify the files of a log; see ``AuditLog.verify``.

    Raises:
        AuditFailed: a file cannot be read.
    """
    start, watched = since or GENESIS, [anchor] if anchor else []
    try:
        acknowledged = read_head(head_path, key)
    except AuditFailed as error:
        return _report(scan(files, start, key), FirstBad(0, head_path.name, 0, error.reason))
    expected = [*watched, *([acknowledged] if acknowledged else [])]
    try:
        walked = scan(files, start, key, expected)
        report = _report(walked, _first_bad(walked, acknowledged, files))
        gone = missing_file(folder, walked.torn)
    except OSError as error:
        raise AuditFailed("read", str(error), "check the folder's permissions") from error
    if report.intact and gone:
        report = _bad(report, FirstBad(0, "", 0, gone))
    if walked.found is not None and report.intact:
        size = dict(files)[walked.found.file]
        report = replace(report, unfinished=size - walked.found.offset)
    return _anchored(report, walked, anchor, start)


def verify_export(
    path: Path, key: AuditKey | None = None, anchor: ChainHead | None = None
) -> AuditReport:
    """Verify an exported log.

    Args:
        path: what ``AuditLog.export`` wrote.
        key: the log's key; without it only the chain is checked.
        anchor: a head that was published: the log must contain it.

    Raises:
        AuditFailed: the file cannot be read.
    """
    try:
        files = [(path, path.stat().st_size)]
        walked = scan(files, GENESIS, key, [anchor] if anchor else [])
    except OSError as error:
        raise AuditFailed("read", str(error), "check the path and its permissions") from error
    report = replace(_report(walked, _broken(walked)), authenticated=key is not None)
    return _anchored(report, walked, anchor, GENESIS)


def _report(walked: Scan, first_bad: FirstBad | None) -> AuditReport:
    return AuditReport(
        intact=first_bad is None,
        authenticated=True,
        records=walked.head.number,
        head=walked.head,
        first_bad=first_bad,
        torn=len(walked.torn),
        unfinished=0,
    )


def _first_bad(
    walked: Scan, acknowledged: ChainHead | None, files: Sequence[tuple[Path, int]]
) -> FirstBad | None:
    found = walked.found
    if found is not None:
        newest = files[-1][0]
        if not is_interrupted_write(found, walked.head, acknowledged, newest):
            return _broken(walked)
    return _behind(walked, acknowledged)


def _broken(walked: Scan) -> FirstBad | None:
    found = walked.found
    if found is None:
        return None
    return FirstBad(found.number, found.file.name, found.line, found.why)


def _behind(walked: Scan, acknowledged: ChainHead | None) -> FirstBad | None:
    """Compare the end of the chain with the head file, which may be one record behind."""
    number, known = walked.head.number, acknowledged or GENESIS
    if number < known.number:
        why = f"records {number + 1} to {known.number} were written and are missing at the end"
        return FirstBad(number + 1, "", 0, why)
    if number > known.number + 1:
        why = "the head file is missing, or older than it can be"
        return FirstBad(known.number + 2, "", 0, why)
    if known != GENESIS and known not in walked.passed:
        why = "the head file knows another record of this number: the log was replaced"
        return FirstBad(known.number, "", 0, why)
    return None


def _anchored(
    report: AuditReport, walked: Scan, anchor: ChainHead | None, start: ChainHead
) -> AuditReport:
    if not report.intact or anchor is None or anchor in walked.passed or anchor == start:
        return report
    if anchor.number > report.records:
        why = f"the log ends at record {report.records}, before the published head"
        return _bad(report, FirstBad(report.records + 1, "", 0, why))
    why = "its digest is not the published one: the log was written anew"
    return _bad(report, FirstBad(anchor.number, "", 0, why))


def _bad(report: AuditReport, first_bad: FirstBad) -> AuditReport:
    return replace(report, intact=False, first_bad=first_bad)
