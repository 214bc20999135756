"""``retouch audit``: the log of what the gate did: check it, look at it, copy it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from retouch_safety.audit import AuditLog, ChainHead, Record

EXIT_DAMAGED: Final = 6  # as ``retouch verify`` says of a picture that was tampered with
_ANCHOR: Final = re.compile(r"(\d{1,18}):([0-9a-fA-F]{64})")


@click.group()
def audit() -> None:
    """The audit log: every release, refusal and signature, in a chain that shows every change."""


@audit.command("verify")
@click.argument("export", required=False, type=click.Path(path_type=Path))
@click.option("--anchor", metavar="NUMBER:DIGEST", help="A head you published: it must be there.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
def verify_command(export: Path | None, anchor: str | None, as_json: bool) -> int:
    """Check every record, or those of the file EXPORT; exit code 6 when it is damaged.

    Of an exported file only the chain is checked, which needs no key.
    """
    from retouch_safety.audit import verify_export

    head = None if anchor is None else parse_anchor(anchor)
    if export is not None:
        report = verify_export(export, anchor=head)
    else:
        report = _log().verify(anchor=head)
    if as_json:
        click.echo(report.to_json())
        return report.exit_code
    click.echo(report.words())
    if report.intact and report.records:
        click.echo(f"Publish this head: {_text(report.head)}")
        click.echo("With --anchor, it proves later that nothing up to here was written anew.")
    return report.exit_code


@audit.command("tail")
@click.option("-n", "count", default=10, show_default=True, help="How many records.")
@click.option("--json", "as_json", is_flag=True, help="One record per line as JSON.")
def tail_command(count: int, as_json: bool) -> int:
    """Show the last records; exit code 6 when one of them is damaged."""
    from retouch_safety.audit import AuditFailed

    try:
        records = _log().tail(count)
    except AuditFailed as problem:
        if problem.stage != "damaged":
            raise
        click.echo(f"error: {problem}", err=True)
        return EXIT_DAMAGED
    for record in records:
        click.echo(json.dumps(asdict(record), sort_keys=True) if as_json else _line(record))
    return 0


@audit.command("export")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Path and head as JSON.")
def export_command(path: Path, as_json: bool) -> None:
    """Copy all records into the new file PATH, even if damaged: `verify` says whether they are."""
    head = _log().export(path)
    if as_json:
        click.echo(json.dumps({"file": str(path), "head": head._asdict()}))
    else:
        click.echo(f"{path}  {head.number} records, head {_text(head)}")


def parse_anchor(text: str) -> ChainHead:
    """Read ``NUMBER:DIGEST``.

    Raises:
        InvalidInput: something else.
    """
    from retouch_safety.audit import ChainHead
    from retouch_safety.errors import InvalidInput

    found = _ANCHOR.fullmatch(text)
    if found is None:
        allowed = "a number, a colon and 64 hexadecimal digits"
        fix = "pass what `retouch audit verify` printed to publish"
        raise InvalidInput("--anchor", text, allowed, fix)
    return ChainHead(int(found[1]), found[2].lower())


def _log() -> AuditLog:
    """Return this user's log; one that is not there is not made just to be called intact.

    Raises:
        InvalidInput: there is none.
    """
    from retouch_safety.errors import InvalidInput
    from retouch_safety.installation import Installation

    installation = Installation.default()
    folder = installation.folder / "audit"
    if not any((folder / name).exists() for name in ("audit.key", "head.json")):
        fix = "restore it from a backup; before the first edit there is none"
        raise InvalidInput("audit log", str(folder), "a folder with a log", fix)
    return installation.audit


def _text(head: ChainHead) -> str:
    return f"{head.number}:{head.digest}"


def _line(record: Record) -> str:
    fields = record.fields
    named = ("record", "job", "stage", "category", "error", "mark", "model")
    told = [f"{name} {fields[name]}" for name in named if fields.get(name)]
    return f"{record.number:>6}  {record.time}  {record.event:<8}  {', '.join(told)}"
