"""``retouch eval``: measure a model and the operations; tables, curves, an HTML report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retouch.errors import Cancelled, InvalidField

if TYPE_CHECKING:
    from retouch.evaluation.yardstick import Options, Watch

_PARTS = ("generation", "editing", "curves", "speed", "all")


@click.command("eval")
@click.argument("part", type=click.Choice(_PARTS), default="all")
@click.option(
    "--count",
    type=click.IntRange(1),
    default=400,
    show_default=True,
    help="Cases of every row of the tables.",
)
@click.option(
    "--without-count",
    type=click.IntRange(1),
    help="Cases of every row's side without the operation, at most --count. Default: a quarter.",
)
@click.option(
    "--curve-count",
    type=click.IntRange(1),
    help="Cases of every point of a curve. Default: an eighth of --count.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all cases.")
@click.option("--model", default="retouch-mini", show_default=True, help="Installed model.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("evaluation"),
    show_default=True,
    help="Folder to write to.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Your own pictures with a mapping.json, .yaml or .csv, instead of scenes.",
)
@click.option(
    "--row",
    "rows",
    multiple=True,
    metavar="KEY",
    help="Only this row or curve, as named in results.json. Repeat for several.",
)
@click.option("--fresh", is_flag=True, help="Forget what an earlier run left in --out.")
@click.option("--device", help="Where models run: cpu, cuda. Default: CUDA when there is one.")
@click.option("--report", is_flag=True, help="Measure nothing; write the report of --out again.")
@click.option(
    "--docs",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="RESULTS.JSON",
    help="Measure nothing; write docs/quality.md from these results.",
)
def evaluate(part: str, **options: Any) -> None:
    """Measure how well a model and the operations do what they are asked.

    Interrupted runs go on where they stopped: give the same options again.
    """  # fmt: skip
    if options["docs"] is not None:
        _write_docs(options["docs"])
        return
    if options["report"]:
        from retouch.evaluation.results.file import read

        _report(read(options["out"] / "results.json"), options["out"])
        return
    try:
        found = _measure(part, options)
    except Cancelled:
        click.echo(
            f"stopped; what was measured is kept in {options['out']}: the same command goes on, "
            "and --report shows what there is",
            err=True,
        )
        click.get_current_context().exit(130)
    from retouch.evaluation.report.table import show

    show(found)
    _report(found, options["out"])


def _measure(part: str, options: dict[str, Any]) -> dict[str, Any]:
    from retouch.cli.progress import interruptible
    from retouch.evaluation.yardstick import Yardstick

    chosen = make_options(part, options)
    with interruptible() as cancelled, _bars() as watch:
        return Yardstick(chosen, replace(watch, cancelled=cancelled)).run()


def make_options(part: str, options: dict[str, Any]) -> Options:
    """The run of the command's options. Raises InvalidRequest."""
    from retouch.evaluation.yardstick import PARTS, Options, check_rows

    check_rows(options["rows"])
    parts = tuple(known for known in PARTS if part in ("all", known))
    if options["rows"] and part == "all":
        parts = tuple(known for known in parts if known in ("editing", "curves"))
    source = None
    if options["folder"] is not None:
        from retouch.evaluation.cases.folder import read_folder

        if part not in ("all", "editing", "curves"):
            allowed = "editing, curves or all with --folder"
            raise InvalidField("PART", part, allowed, "leave --folder out, or ask for editing")
        source = read_folder(options["folder"])
        parts = tuple(known for known in parts if known in ("editing", "curves"))
    return Options(
        parts=parts,
        count=options["count"],
        without_count=options["without_count"],
        curve_count=options["curve_count"],
        seed=options["seed"],
        model=options["model"],
        out=options["out"],
        fresh=options["fresh"],
        device=options["device"],
        source=source,
        rows=options["rows"],
    )


def _report(found: dict[str, Any], out: Path) -> None:
    from retouch.evaluation.report.page import write_page

    page, problem = write_page(found, out)
    if problem:
        click.echo(problem, err=True)
    click.echo(f"{out / 'results.json'}\n{page}")


def _write_docs(file: Path) -> None:
    from retouch.evaluation.report.quality import write_quality

    for written in write_quality(file):
        click.echo(str(written))


@contextmanager
def _bars() -> Iterator[Watch]:
    """Two bars on the terminal's error stream: rows of the part, and cases of the row."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from retouch.evaluation.yardstick import Watch

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        rows = progress.add_task("", total=None)
        cases = progress.add_task("", total=None)

        def on_part(title: str, done: int, total: int) -> None:
            progress.update(rows, description=title, completed=done, total=total)

        def on_case(title: str, done: int, total: int) -> None:
            progress.update(cases, description=f"  {title}", completed=done, total=total)

        yield Watch(on_part=on_part, on_case=on_case)
