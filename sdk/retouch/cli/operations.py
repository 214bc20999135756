"""``retouch operations``: what is installed, without importing torch."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from retouch.catalog import read_catalog
from retouch.operation import Operation
from retouch.parameters import Parameter, parameters_of


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable catalogue.")
def operations(names: tuple[str, ...], as_json: bool) -> None:
    """List operations with their parameters: type, range, default."""
    catalog = read_catalog()
    chosen = [catalog.operation(name) for name in names] or list(catalog.operations.values())
    if as_json:
        click.echo(json.dumps([_record(kind, catalog.packages[kind.name]) for kind in chosen]))
        return
    console = Console(soft_wrap=False)
    for kind in chosen:
        console.print(f"[bold]{kind.name}[/bold]  {escape(kind.summary)}")
        console.print(f"  {escape(kind.source)}  \\[{escape(catalog.packages[kind.name])}]")
        console.print(_table(kind))
    for plugin in catalog.broken:
        click.echo(f"left out: {plugin.name} of {plugin.package}: {plugin.problem}", err=True)


def _table(kind: type[Operation]) -> Table:
    table = Table("parameter", "allowed", "default", "what it does", box=None, pad_edge=True)
    for known in parameters_of(kind):
        allowed = f"{known.allowed} {known.unit}".strip()
        table.add_row(known.name, escape(allowed), escape(_default(known)), escape(known.help))
    return table


def _default(known: Parameter) -> str:
    if known.default is None:
        return "unset"
    return "none" if known.default in ("", ()) else str(known.default)


def _record(kind: type[Operation], package: str) -> dict[str, object]:
    return {
        "name": kind.name,
        "summary": kind.summary,
        "source": kind.source,
        "package": package,
        "stage": kind.stage.name.lower(),
        "parameters": [
            {
                "name": known.name,
                "type": known.type_name,
                "default": known.default if known.default != () else [],
                "low": known.low,
                "high": known.high,
                "choices": list(known.choices),
                "unit": known.unit,
                "help": known.help,
            }
            for known in parameters_of(kind)
        ],
    }
