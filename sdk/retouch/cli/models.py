"""``retouch models``: add, list, verify, remove and convert models; listing needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from retouch.models.records import ModelRecord


@click.group()
def models() -> None:
    """Installed models: checkpoints, adapters, CLIP models and preview decoders."""


@models.command("add")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", help="What to call it; by default the file's or folder's name.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of configurations, for a single file of an unusual shape.",
)
@click.option(
    "--prediction-type",
    type=click.Choice(["epsilon", "v_prediction"]),
    help="What the network predicts, where the file does not say.",
)
def add_command(
    path: Path, name: str | None, config: Path | None, prediction_type: str | None
) -> None:
    """Verify the model at PATH by loading it and record it where it lies."""
    with _spinner() as say:
        from retouch.models.store import add

        record = add(path, name, config=config, prediction_type=prediction_type, progress=say)
    click.echo(f"added {record.name}: {_summary(record)}")


@models.command("list")
def list_command() -> None:
    """List the installed models."""
    from retouch.models.records import broken_models, list_models

    records = list_models()
    for name, problem in broken_models():
        click.echo(f"left out: {name}: {problem}", err=True)
    if not records:
        click.echo("no models installed; add one with `retouch models add PATH`")
        return
    _print_table(records)


@models.command("remove")
@click.argument("name")
def remove_command(name: str) -> None:
    """Forget the model NAME; its files stay where they are."""
    from retouch.models.store import remove

    record = remove(name)
    kept = f"; its files stay at {record.path}" if record else ""
    click.echo(f"removed {name}{kept}")


@models.command("verify")
@click.argument("name", required=False)
def verify_command(name: str | None) -> None:
    """Hash and load the model NAME again, or every installed one."""
    from retouch.models.records import list_models
    from retouch.models.store import verify

    failed = False
    for each in [name] if name else [record.name for record in list_models()]:
        with _spinner() as say:
            result = verify(each, say)
        failed |= bool(result.problem)
        if result.problem:
            click.echo(f"{each}: FAILED: {result.problem}", err=True)
        else:
            click.echo(f"{each}: ok, sha256 {result.record.sha256}")
    if failed:
        click.get_current_context().exit(2)


@models.command("convert")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="The file to write.")
def convert_command(path: Path, output: Path | None) -> None:
    """Write the tensors of a pickled checkpoint as .safetensors; no code in it is run."""
    with _spinner() as say:
        from retouch.models.convert import convert

        say(f"converting {path}")
        written = convert(path, output)
    click.echo(f"wrote {written}")


@contextmanager
def _spinner() -> Iterator[Callable[[str], None]]:
    """Show what is being done, on a terminal only."""
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield status.update


def _summary(record: ModelRecord) -> str:
    parts = [record.kind, record.family]
    if record.kind == "checkpoint":
        parts += [f"{record.in_channels} channels", record.prediction_type]
    parts += [_size(record.bytes), f"sha256 {record.sha256[:12]}"]
    return ", ".join(part for part in parts if part)


def _print_table(records: tuple[ModelRecord, ...]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for heading in ("name", "kind", "family", "channels", "predicts", "size", "path"):
        right = heading in ("channels", "size")
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    for record in records:
        table.add_row(
            record.name,
            record.kind,
            record.family,
            str(record.in_channels or ""),
            record.prediction_type,
            _size(record.bytes),
            "ships with Retouch" if record.embedded else escape(str(record.path)),
        )
    # Wide enough for any path, which comes last: a narrow terminal wraps that and nothing else.
    Console(width=2000).print(table)


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
