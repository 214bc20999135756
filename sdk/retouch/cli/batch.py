"""``retouch batch``: one recipe, many pictures, resumable, through the daemon."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from retouch.errors import Blocked, InvalidRequest, ModelError, RetouchError

if TYPE_CHECKING:
    from retouch.batch.inputs import Item
    from retouch.batch.manifest import Manifest
    from retouch.batch.recipe import Recipe
    from retouch.batch.running import Outcome
    from retouch.client.async_client import AsyncClient

#: Exit codes: the largest number of failures that one can say, and that nothing was begun.
MOST_FAILURES: Final = 125
NOT_BEGUN: Final = 126


class _Command(click.Command):
    """Says with the exit code that nothing was begun: 2 would be two failures."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as problem:
            problem.show()
            ctx.exit(NOT_BEGUN)


@click.command(cls=_Command)
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the results.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Pictures at a time."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option(
    "--contact-sheet",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a sheet of all pictures, before and after.",
)
@click.option("--remote", metavar="ADDRESS", help="Edit in this daemon. Default: your own.")
@click.option("--force", is_flag=True, help="Replace files that are not of this batch, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a picture and line.")
def batch(
    recipe: Path,
    inputs: tuple[Path, ...],
    out: Path,
    jobs: int,
    dry_run: bool,
    contact_sheet: Path | None,
    remote: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Edit INPUTS (files, folders, patterns) as RECIPE says, and write the results to a folder.

    PNG, JPEG, WebP, TIFF; with retouch[studio] PSD and PSB (the result is a new layer with a mask)
    and EXR. The daemon does the work; it is started where none answers. In the folder,
    manifest.jsonl has receipts and digests of all that is done: run the same command again and
    what is done and unchanged is skipped, what was interrupted goes on.

    Exit code: how many pictures failed or were blocked, 125 for more; 126 where the recipe or an
    input is wrong and nothing was begun; 130 cancelled.
    """
    from retouch.batch.inputs import items_of
    from retouch.batch.manifest import Manifest
    from retouch.batch.recipe import read_recipe

    try:
        said = read_recipe(recipe)
        items, manifest = items_of(said, inputs, out), Manifest.of(out)
        if contact_sheet is not None and not dry_run:
            _check_sheet(contact_sheet)
        if dry_run:
            return _dry_run(said, items, manifest, jobs, remote, as_json)
        outcomes = _run(said, items, out, manifest, jobs, remote, force)
    except (InvalidRequest, ModelError, RetouchError, OSError) as problem:
        click.echo(f"error: {problem}", err=True)
        return NOT_BEGUN
    failures = _tell(outcomes, as_json)
    if contact_sheet is not None:
        failures += _draw(contact_sheet, outcomes, out)
    return min(failures, MOST_FAILURES)


def _client(remote: str | None) -> AsyncClient:
    from retouch.client import AsyncClient
    from retouch.client.finding import Endpoint

    endpoint = Endpoint(remote) if remote else Endpoint()
    # of another machine it cannot be started, and need not
    return AsyncClient(endpoint, name="retouch-batch", start=not remote)


def _run(
    recipe: Recipe,
    items: Sequence[Item],
    out: Path,
    manifest: Manifest,
    jobs: int,
    remote: str | None,
    force: bool,
) -> tuple[Outcome, ...]:
    from retouch.batch.batch_bars import batch_bars
    from retouch.batch.running import Batch, run_batch

    async def run() -> tuple[Outcome, ...]:
        async with _client(remote) as client:
            with batch_bars(len(items)) as bars:
                batch = Batch(client, recipe.file.parent, out, manifest, bars, force)
                return await run_batch(batch, items, jobs)

    try:
        return asyncio.run(run())
    except ExceptionGroup as problems:
        raise problems.exceptions[0] from None


def _dry_run(
    recipe: Recipe,
    items: Sequence[Item],
    manifest: Manifest,
    jobs: int,
    remote: str | None,
    as_json: bool,
) -> int:
    from retouch.batch.dry_run import plan_batch, print_planned

    async def plan() -> int:
        async with _client(remote) as client:
            planned = await plan_batch(client, items, recipe.file.parent, manifest, jobs)
        if as_json:
            for each in planned:
                click.echo(json.dumps(each.fields(), default=str))
        else:
            print_planned(planned)
        return sum(each.status == "fail" for each in planned)

    return min(asyncio.run(plan()), MOST_FAILURES)


def _tell(outcomes: Sequence[Outcome], as_json: bool) -> int:
    """Say what became of all; return how many failed."""
    from dataclasses import asdict

    from retouch.batch.running import FAILED

    if as_json:
        for outcome in outcomes:
            click.echo(json.dumps(asdict(outcome.entry) | {"status": outcome.status}))
    else:
        counted = Counter(outcome.status for outcome in outcomes)
        click.echo(", ".join(f"{count} {status}" for status, count in sorted(counted.items())))
    return sum(outcome.status in FAILED for outcome in outcomes)


def _check_sheet(sheet: Path) -> None:
    from retouch.errors import InvalidField
    from retouch_safety.errors import CannotSave
    from retouch_safety.save import check_path

    try:
        check_path(sheet)
    except CannotSave as problem:
        raise InvalidField(
            "--contact-sheet", problem.value, problem.allowed, problem.fix
        ) from problem


def _draw(sheet: Path, outcomes: Sequence[Outcome], out: Path) -> int:
    """Write the sheet through the gate; return 1 where it could not be."""
    from retouch.batch.sheet import write_sheet
    from retouch_safety.errors import SafetyError

    try:
        count = write_sheet(sheet, outcomes, out)
    except (Blocked, RetouchError, SafetyError) as problem:
        click.echo(f"error: no contact sheet: {problem}", err=True)
        return 1
    click.echo(f"{sheet}  {count} pictures")
    return 0
