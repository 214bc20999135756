"""``retouch sign-export``: sign what a host flattened and exported again."""

from __future__ import annotations

from pathlib import Path

import click

from retouch_safety.profiles import PROFILES, Profile


@click.command("sign-export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="To write.")
@click.option("--title", help="Of the picture, in its manifest. Default: the file's name.")
@click.option(
    "--policy",
    type=click.Choice(PROFILES),
    default="standard",
    show_default=True,
    help="How strict the detectors are.",
)
@click.option("--search", is_flag=True, help="Also if scaled, turned or mirrored; seconds.")
def sign_export(file: Path, output: Path, title: str | None, policy: Profile, search: bool) -> None:
    """Sign FILE, exported by a host, with every watermark found in it as an ingredient.

    Its pixels stay as they are. What the file holds besides (data behind its end, thumbnails,
    layers) is left out, and said. Refused when it carries no mark of this installation, shows
    several pictures, or when a detector says no. The audit log has a record of it before the file
    appears.
    """
    import retouch
    from retouch.picture_file import content_of, pixels_of
    from retouch_safety.export_signing import check_target, signed_export, write_export
    from retouch_safety.gate import Gate
    from retouch_safety.provenance.file_kind import required_kind

    data = content_of(file)
    check_target(output, required_kind(data))
    signed = signed_export(
        data,
        pixels_of,
        Gate(profile=policy),
        title=file.name if title is None else title,
        version=retouch.__version__,
        search=search,
    )
    write_export(signed, output)
    for mark, known in zip(signed.marks, signed.known, strict=True):
        where = "" if mark.region is None else f" at {mark.region.x},{mark.region.y}"
        kept = "with its manifest" if known else "its manifest is not known here"
        click.echo(f"watermark {mark.record:08x}{where}: {kept}")
    for what, size in signed.left_out:
        click.echo(f"left out, as no detector can see it: {what} ({size} bytes)")
    click.echo(f"{output}  signed, audit record {signed.head.number}")
