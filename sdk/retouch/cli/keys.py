"""``retouch keys``: what this installation marks and signs with. No secret is ever printed."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def keys() -> None:
    """The keys of this installation: show them, publish their public half, rotate."""


@keys.command("show")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show_command(as_json: bool) -> None:
    """Show ids, names and where they are kept; missing keys are made. No secret is shown."""
    from retouch_safety.inspection.key_summary import KeySummary
    from retouch_safety.installation import Installation

    summary = KeySummary.of(Installation.default())
    click.echo(summary.to_json() if as_json else summary.words())


@keys.command("publish")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A new file; else printed.")
def publish_command(output: Path | None) -> None:
    """Give others what checks your pictures: `retouch verify --public FILE`.

    It finds marks and checks receipts and manifests. Nothing can be signed with it; a mark with a
    tag of yours cannot be made with it, though one that only looks like it can.
    """
    from retouch_safety.durable_files import PUBLIC, write_once
    from retouch_safety.errors import CannotSave
    from retouch_safety.inspection import PublishedKeys
    from retouch_safety.installation import Installation

    text = PublishedKeys.of(Installation.default()).to_text()
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        written = write_once(output, text.encode("ascii"), PUBLIC)
    except OSError as error:
        fix = f"choose another place ({error.strerror})"
        raise CannotSave("-o", str(output), "a writable file", fix) from error
    if not written:
        raise CannotSave("-o", str(output), "a file that does not exist", "rename it")
    click.echo(f"{output}  public keys")


@keys.command("rotate")
@click.option("--new-pattern", is_flag=True, help="Also a new pattern, where the old is attacked.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def rotate_command(new_pattern: bool, as_json: bool) -> None:
    """Mark with a new key from now on; older marks can still be read. At most 16 keys."""
    from retouch_safety.installation import Installation

    made = Installation.default().keys.rotate(new_pattern=new_pattern)
    if as_json:
        click.echo(json.dumps({"key": made.id, "new_pattern": new_pattern}))
        return
    click.echo(f"marks are written with key {made.id} from now on; older marks can still be read")
    if new_pattern:
        click.echo("its pattern is new: publish again with `retouch keys publish`")
    click.echo("back up the key folder: `retouch keys show` says where it is")
